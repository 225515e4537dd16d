"""A backend for serles that signs with openssl and keeps the names of the request."""

import subprocess


class Backend:
    def __init__(self, config):
        self.ca = config["openssl"]

    def sign(self, csr, subjectDN, subjectAltNames, email):
        command = ["openssl", "x509", "-req", "-days", "30", "-copy_extensions", "copyall"]
        command += ["-CA", self.ca["cacert"], "-CAkey", self.ca["cakey"], "-CAcreateserial"]
        result = subprocess.run(command, input=csr, capture_output=True)
        if result.returncode:
            return None, result.stderr.decode()
        with open(self.ca["cacert"]) as root:
            return result.stdout.decode() + root.read(), None
