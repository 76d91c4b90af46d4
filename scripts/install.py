"""Is the virtual environment ready? Makes .venv and installs a requirements file, when needed.

Runs on the interpreter given to make, which may be too old: nothing newer than Python 3.6 here.
"""

import hashlib
import os
import shutil
import subprocess
import sys

OLDEST, NEWEST = (3, 11), (3, 14)
VENV = ".venv"


def main(requirements):
    """Bring the environment to what the file asks for. The second time it costs nothing."""
    found = sys.version_info[:2]
    if not OLDEST <= found <= NEWEST:
        sys.exit(
            "This service runs on Python 3.11 to 3.14, and %s is %d.%d. "
            "Choose another one: make PYTHON=python3.12" % (sys.executable, *found)
        )
    stamp = os.path.join(VENV, "installed-" + os.path.basename(requirements))
    wanted = "%d.%d %s\n" % (*found, digest(requirements))
    if read(stamp) == wanted:
        return
    if version_of(VENV) != "%d.%d" % found:
        make_environment(found)
    print("Installing %s into %s (this once) ..." % (requirements, VENV), flush=True)
    pip = [os.path.join(VENV, "bin", "python"), "-m", "pip", "--disable-pip-version-check"]
    if subprocess.call(pip + ["install", "--quiet", "-r", requirements]) != 0:
        sys.exit("pip could not install %s; its own words are above." % requirements)
    with open(stamp, "w") as file:
        file.write(wanted)


def make_environment(found):
    """Make an empty one with pip in it, in the place of any older one."""
    try:
        import ensurepip  # noqa: F401 - some Debian pythons come without it
        import venv
    except ImportError:
        sys.exit(
            "Python has no venv here. On Debian and Ubuntu install it with: "
            "apt install python3-venv (or python%d.%d-venv)" % found
        )
    shutil.rmtree(VENV, ignore_errors=True)
    venv.create(VENV, with_pip=True)


def digest(requirements):
    """Sum up the file and the files it includes."""
    seen = hashlib.sha256()
    with open(requirements) as file:
        lines = file.read().splitlines()
    for line in lines:
        included = line[3:].strip() if line.startswith("-r ") else None
        seen.update((digest(included) if included else line).encode() + b"\n")
    return seen.hexdigest()


def version_of(directory):
    """Read the major and minor version of an environment; None if there is none."""
    for line in (read(os.path.join(directory, "pyvenv.cfg")) or "").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "version":
            return ".".join(value.strip().split(".")[:2])
    return None


def read(path):
    """Return the text of a file, or None."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


if __name__ == "__main__":
    main(sys.argv[1])
