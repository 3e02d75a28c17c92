# The image of every Airflow component and of the emulator: Airflow with the project's requirements.
# The sources are mounted by docker-compose.yaml. AIRFLOW_IMAGE may name a digest (see .env.example).
ARG AIRFLOW_IMAGE=apache/airflow:3.3.2-python3.11
FROM ${AIRFLOW_IMAGE}

# Older releases write the line ends of an encoded word into a mail's headers.
RUN python -c 'import sys; v = sys.version_info; v >= ((3, 12, 5) if v >= (3, 12) else (3, 11, 10)) or sys.exit("Python 3.11.10, 3.12.5 or newer is needed, this is " + sys.version)'

# The user stays Airflow's own (50000), never root.
COPY constraints.txt /tmp/
# No `pip check`: the base has providers that nothing here uses, at versions of its own.
RUN pip install --no-cache-dir --require-hashes --no-deps -r /tmp/constraints.txt

# An empty named volume takes over the owner of the directory it is mounted on.
RUN mkdir -p /opt/airflow/auth /opt/airflow/results /opt/airflow/scratch /opt/airflow/snapshots
