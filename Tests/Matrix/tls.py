"""An authority, and what it has signed: a server's certificate for localhost, and a role's."""
from __future__ import annotations

import os
from pathlib import Path

from basics import give, run


class Certificates:
    def __init__(self, folder: Path, role: str):
        folder.mkdir()
        self.folder = folder
        self.authority, authority_key = self.make("authority", "An authority", signer=None)
        signer = (self.authority, authority_key)
        self.server, self.server_key = self.make("server", "localhost", signer, names="subjectAltName=DNS:localhost")
        self.client, self.client_key = self.make("client", role, signer)
        give(self.server_key)
        # libpq reads the key of whoever runs the program, and asks that no other account can.
        self.client_key.chmod(0o600)
        os.chown(self.client_key, os.geteuid(), os.getegid())

    def make(self, name: str, subject: str, signer: tuple[Path, Path] | None, names: str = "") -> tuple[Path, Path]:
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        make_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-subj", f"/CN={subject}"]
        if signer is None:
            run(["openssl", "req", "-x509", *make_key, "-days", "2", "-out", certificate])
        else:
            request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
            extensions.write_text(names + "\n")
            run(["openssl", "req", *make_key, "-out", request])
            run(["openssl", "x509", "-req", "-in", request, "-CA", signer[0], "-CAkey", signer[1], "-CAcreateserial",
                 "-days", "2", "-extfile", extensions, "-out", certificate])
        certificate.chmod(0o644)
        return certificate, key
