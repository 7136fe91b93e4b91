"""The messages of a .proto file as classes, made at run time: no generated code to keep up to date."""
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from types import SimpleNamespace

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PROTOS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "protos")


def load(proto, folder=PROTOS):
    """Compiles a file of a folder and gives its top-level messages by name."""
    # $PROTOC, else the system's, else the one in grpcio-tools.
    protoc = os.environ.get("PROTOC") or shutil.which("protoc")
    if not protoc and importlib.util.find_spec("grpc_tools") is None:
        sys.exit("The example needs the protobuf compiler: protobuf-compiler (Debian), or grpcio-tools, or $PROTOC.")
    command = [protoc] if protoc else [sys.executable, "-m", "grpc_tools.protoc"]
    with tempfile.TemporaryDirectory() as temporary:
        compiled = os.path.join(temporary, "descriptors.pb")
        subprocess.run(
            [*command, f"-I{folder}", f"--descriptor_set_out={compiled}", "--include_imports", proto], check=True
        )
        with open(compiled, "rb") as descriptors:
            files = descriptor_pb2.FileDescriptorSet.FromString(descriptors.read()).file

    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    names = pool.FindFileByName(proto).message_types_by_name
    # Protobuf 4.22 made the factory a function.
    message = getattr(message_factory, "GetMessageClass", None) or message_factory.MessageFactory(pool).GetPrototype
    return SimpleNamespace(**{name: message(descriptor) for name, descriptor in names.items()})
