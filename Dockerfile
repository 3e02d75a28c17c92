# The image of every Airflow component and of the emulator: Airflow with the project's requirements.
# The sources are mounted by docker-compose.yaml.
FROM apache/airflow:3.3.2-python3.11

COPY requirements.txt constraints.txt /tmp/
RUN pip install --no-cache-dir -r /tmp/requirements.txt -c /tmp/constraints.txt

# An empty named volume takes over the owner of the directory it is mounted on.
RUN mkdir -p /opt/airflow/auth /opt/airflow/results /opt/airflow/snapshots
