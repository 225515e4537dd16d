"""The server of acmev2's own tests, at another URL, with a root that OpenSSL takes for a CA, and a key for binding."""

import os

import acmev2.tests.test_services as services
import acmev2.tests.xprocess.acme_server as server
import inject
from acmev2.services.services import IAccountService
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

server.DirectoryService.root_url = os.environ["ACME_ROOT_URL"]
server.DirectoryService.external_account_required = "ACMEV2_EAB_REQUIRED" in os.environ
if "ACME_EAB_KID" in os.environ:
    inject.instance(IAccountService).hmacs[os.environ["ACME_EAB_KID"]] = os.environ["ACME_EAB_KEY"]

theirs = services.CA_CERT
services.CA_CERT = (
    x509.CertificateBuilder()
    .subject_name(theirs.subject)
    .issuer_name(theirs.issuer)
    .public_key(theirs.public_key())
    .serial_number(theirs.serial_number)
    .not_valid_before(theirs.not_valid_before_utc)
    .not_valid_after(theirs.not_valid_after_utc)
    .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    .sign(services.CA_KEY, hashes.SHA256())
)
with open(os.environ["ACME_ROOT_FILE"], "wb") as root:
    root.write(services.CA_CERT.public_bytes(serialization.Encoding.PEM))

app = server.app
