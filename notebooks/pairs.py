"""Each notebook is a script and its .ipynb: this writes the .ipynb of every script, or with --check says which differ.

The script is the one that is edited; the .ipynb holds the same cells without outputs, and the same script makes the same bytes.
"""

import pathlib
import sys

import jupytext
import nbformat

HERE = pathlib.Path(__file__).resolve().parent


def paired(script: pathlib.Path) -> str:
    """The .ipynb of a script."""
    notebook = jupytext.read(script)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02}"
        cell["metadata"] = {}
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"], "language_info": {"name": "python"}}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def main() -> int:
    """Writes or checks every pair; 1 where one differs."""
    scripts = [path for path in sorted(HERE.glob("*.py")) if path.read_text().startswith("# ---\n# jupyter:")]
    differing = []
    for script in scripts:
        pair, text = script.with_suffix(".ipynb"), paired(script)
        if "--check" not in sys.argv:
            pair.write_text(text)
        elif not pair.exists() or pair.read_text() != text:
            differing.append(pair.name)
    for name in differing:
        print(f"notebooks/{name} is not what its script makes, or holds outputs: run python notebooks/pairs.py")
    return 1 if differing or not scripts else 0


if __name__ == "__main__":
    sys.exit(main())
