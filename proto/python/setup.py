"""Generates the messages of ../percorso/v1 into what is built; nothing generated is kept beside the sources."""

import pathlib
import tempfile

import grpc_tools
from grpc_tools import protoc
from setuptools import setup
from setuptools.command.build_py import build_py

PROTO = pathlib.Path(__file__).resolve().parent.parent


class WithMessages(build_py):
    """The package, with its messages, their types and the services' stubs."""

    def run(self):
        super().run()
        out = self.build_lib
        well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
        words = ["protoc", f"-I{PROTO}", f"-I{well_known}", f"--python_out={out}", f"--pyi_out={out}", f"--grpc_python_out={out}"]
        files = sorted(str(path) for path in (PROTO / "percorso" / "v1").glob("*.proto"))
        if not files or protoc.main(words + files) != 0:
            raise SystemExit(f"the .proto files of {PROTO} do not compile")


setup(cmdclass={"build_py": WithMessages}, options={"build": {"build_base": tempfile.mkdtemp()}})
