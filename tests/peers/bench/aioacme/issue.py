"""Issues one certificate with aioacme, as its documentation does, for the names that are its arguments."""

import asyncio
import json
import os
import ssl
import sys

import aioacme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

DONE = (aioacme.AuthorizationStatus.valid, aioacme.AuthorizationStatus.invalid)


class Client(aioacme.Client):
    """Shows aioacme 0.6 no kind of challenge that it does not know, and the order's URL where the response to finalize has none:
    it fails at either."""

    order = ""

    async def _request(self, *arguments, **options):
        response = await super()._request(*arguments, **options)
        if b'"challenges"' in response.content:
            authorization = json.loads(response.content)
            known = [c for c in authorization["challenges"] if c["type"] in ("dns-01", "http-01", "tls-alpn-01")]
            response._content = json.dumps({**authorization, "challenges": known}).encode()
        response.headers.setdefault("Location", self.order)
        return response


async def prove(client, url):
    authorization = await client.get_authorization(url)
    if authorization.status is aioacme.AuthorizationStatus.valid:
        return
    challenge = next(c for c in authorization.challenges if c.type is aioacme.ChallengeType.http01)
    await client.answer_challenge(challenge.url)
    while authorization.status not in DONE:
        await asyncio.sleep(1)
        authorization = await client.get_authorization(url)


async def main(names):
    trust = ssl.create_default_context(cafile=os.environ["ACME_ROOT"])
    key = ec.generate_private_key(ec.SECP256R1())
    directory = os.environ["ACME_DIRECTORY"]
    async with Client(account_key=key, directory_url=directory, ssl=trust) as client:
        order = await client.new_order([aioacme.Identifier(name) for name in names])
        client.order = order.uri
        for url in order.authorizations:
            await prove(client, url)
        sans = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        csr = builder.add_extension(sans, critical=False)
        csr = csr.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        order = await client.finalize_order(order.finalize, csr)
        while order.status is not aioacme.OrderStatus.valid:
            await asyncio.sleep(1)
            order = await client.get_order(order.uri)
        with open(os.environ["CHAIN"], "wb") as chain:
            chain.write(await client.get_certificate(order.certificate))


asyncio.run(main(sys.argv[1:]))
