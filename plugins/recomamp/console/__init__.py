"""The console: pages of the pipeline inside Airflow's UI, and the JSON that they read.

    asgi.py          what the plugin mounts; builds the app at the first request
    app.py           the app: routes, static files, errors as JSON
    access.py        who asks, and what Airflow lets that user see and do (all imports of Airflow)
    visible.py       the definitions that a user may see, remembered for a few seconds
    database.py      reads with the role recomamp_console, writes as one analyst
    overview.py …    the routes of one page each; one statement for each panel
    forms.py         what the forms of register.py send and show, as the columns of their rows
    definitions.py   what the pages of schedules and collections share
    run_requests.py  what people ask for, of a definition or of one execution
    static/          one ES module for each page, and modules that pages share

A row is visible to a user who may read its DAG. A write is a row that the analyst could write.
docs/adr/0036 gives reasons.
"""
