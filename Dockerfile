# Two images, each with the sources and the packages that it runs, and no others.
#
#   pipeline    every component of Airflow, and the follower
#   emulator    the stand-in for Amazon, without Airflow and without the pipeline
#
# Each runs as a user without a name elsewhere, and writes to volumes and to /tmp alone.
# PYTHON_IMAGE may name a digest (see .env.example).
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS base
# Older releases write the line ends of an encoded word into a mail's headers.
RUN python3 -c 'import sys; v = sys.version_info; v >= ((3, 12, 5) if v >= (3, 12) else (3, 11, 10)) or sys.exit("Python 3.11.10, 3.12.5 or newer is needed, this is " + sys.version)'
# The number that Airflow's own images give their user: volumes of earlier releases are its.
RUN useradd --uid 50000 --gid 0 --no-create-home --home-dir /opt/airflow --shell /usr/sbin/nologin airflow
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LANG=C.UTF-8

# pip stays in these two stages: a container installs nothing.
FROM base AS pipeline-packages
# `kubernetes` adds what KubernetesExecutor needs.
ARG PACKAGES=run
COPY requirements/${PACKAGES}.lock /tmp/packages.lock
RUN python3 -m venv /opt/venv \
 && pip install --no-cache-dir --require-hashes --no-deps --compile -r /tmp/packages.lock \
 && pip check \
 && pip uninstall --yes pip

FROM base AS emulator-packages
COPY requirements/emulator.lock /tmp/packages.lock
RUN python3 -m venv /opt/venv \
 && pip install --no-cache-dir --require-hashes --no-deps --compile -r /tmp/packages.lock \
 && pip check \
 && pip uninstall --yes pip

FROM base AS emulator
COPY --from=emulator-packages /opt/venv /opt/venv
WORKDIR /opt/airflow
COPY include/amc_emulator include/amc_emulator
COPY include/compose include/compose
RUN chmod -R a+rX include && python -m compileall -q include
ENV PYTHONPATH=/opt/airflow/include
USER 50000:0
CMD ["python", "-m", "amc_emulator"]

FROM base AS pipeline
COPY --from=pipeline-packages /opt/venv /opt/venv
WORKDIR /opt/airflow
# An empty named volume takes over the owner of the directory it is mounted on.
RUN install -d -o 50000 -g 0 -m 0775 auth logs results scratch snapshots
COPY include/compose include/compose
COPY include/sql include/sql
COPY plugins plugins
COPY dags dags
# A checkout may be closed to others than its owner
RUN chmod -R a+rX plugins dags include && python -m compileall -q plugins dags include
# `make release` gives the version of the tag. The sources have none without Git
ARG VERSION=dev
ENV AIRFLOW_HOME=/opt/airflow \
    PYTHONPATH=/opt/airflow/plugins \
    RECOMAMP_VERSION=${VERSION}
USER 50000:0
CMD ["airflow", "version"]
