"""The DAG bundle that makes the files of further shards."""

from __future__ import annotations

from pathlib import Path

from airflow.dag_processing.bundles.base import BaseDagBundle

from recomamp.domain.definition_ref import DefinitionKind
from recomamp.pipeline.generator.shards import file_of_shard, shards_of_bundle
from recomamp.pipeline.settings import MAX_SHARDS

_IGNORE_FILE = ".airflowignore"
_TEXT = '''"""A share of the {kind}s' DAGs. ShardBundle writes this file."""

from airflow.sdk import get_parsing_context

from recomamp.domain.definition_ref import DefinitionKind
from recomamp.pipeline.generator.factory import build_dags

for dag in build_dags(DefinitionKind.{kind_name}, get_parsing_context().dag_id, file=__file__):
    globals()[dag.dag_id] = dag
'''
_FILES = {
    file_of_shard(kind, number): _TEXT.format(kind=kind, kind_name=kind.name)
    for kind in DefinitionKind
    for number in range(1, MAX_SHARDS)
}


class ShardBundle(BaseDagBundle):
    """A folder with the files of all shards but 0, of which Airflow parses those in use.

    It has the name of the bundle, in the folder that Airflow's setting ``[dag_processor]
    dag_bundle_storage_path`` names. No file is ever removed: a task that was queued with its DAG's
    earlier file still finds the DAG there. ``.airflowignore`` lists the files that are not in use.
    """

    supports_versioning = False

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self.base_dir)

    def get_current_version(self) -> None:
        """Return None: bundles of this class have no versions."""

    def initialize(self) -> None:
        """Write the files that are absent or of another release; any process may, at any time.

        :raises OSError: when the folder lacks a file and cannot be written.
        """
        self._write(_FILES)
        super().initialize()

    def refresh(self) -> None:
        """Choose which files Airflow parses; its dag-processor alone calls this, before it looks.

        The file of an unused shard builds nothing. It is parsed as long as Airflow has a DAG of
        that file. Airflow hides the DAGs of a file that it no longer finds, even where another file
        builds them by now.

        :raises OSError: when the folder cannot be written.
        """
        numbers = shards_of_bundle(self.name)
        used = {file_of_shard(kind, number) for kind in DefinitionKind for number in numbers}
        unused = _FILES.keys() - used - self._files_with_dags()
        self._write({_IGNORE_FILE: "".join(f"{file}\n" for file in sorted(unused))})

    def _files_with_dags(self) -> set[str]:
        from airflow.models.dag import DagModel
        from airflow.utils.session import create_session
        from sqlalchemy import select

        visible = select(DagModel.relative_fileloc).where(
            DagModel.bundle_name == self.name, ~DagModel.is_stale
        )
        with create_session() as session:
            return {file for file in session.scalars(visible.distinct()) if file}

    def _write(self, texts: dict[str, str]) -> None:
        """Replace files that differ, each as a whole; a reader sees the old or the new text."""
        if not self._differing(texts):
            return
        self.path.mkdir(parents=True, exist_ok=True)
        with self.lock():
            for name, text in self._differing(texts).items():
                aside = self.path / f"{name}.tmp"
                aside.write_text(text, encoding="utf-8")
                aside.replace(self.path / name)

    def _differing(self, texts: dict[str, str]) -> dict[str, str]:
        return {name: text for name, text in texts.items() if not _has(self.path / name, text)}


def _has(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except FileNotFoundError:
        return False
