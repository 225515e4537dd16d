// Drives the npm package acme-client. Usage: node driver.js ROW NAME..., with the environment that
// tests/src/clients/case.rs sets.
'use strict';

const acme = require('acme-client');
const fs = require('fs');
const https = require('https');
const net = require('net');
const path = require('path');
const tls = require('tls');

const [row, ...names] = process.argv.slice(2);
const env = process.env;

async function newClient(accountKey) {
    return new acme.Client({
        directoryUrl: env.ACME_DIRECTORY,
        accountKey: accountKey ?? (await acme.crypto.createPrivateEcdsaKey()),
        externalAccountBinding: env.EAB_KID ? { kid: env.EAB_KID, hmacKey: env.EAB_HMAC } : undefined,
        backoffAttempts: 20,
        backoffMin: 200,
        backoffMax: 1000,
    });
}

const webroot = {
    present: async (_, { token }, keyAuthorization) => fs.writeFileSync(path.join(env.WEBROOT, token), keyAuthorization),
    remove: async (_, { token }) => fs.unlinkSync(path.join(env.WEBROOT, token)),
};

// Sets TXT records at the test CA's management endpoint.
const zone = {
    present: (authz, _, value) => post('set-txt', { host: `_acme-challenge.${authz.identifier.value}`, value }),
    remove: (authz, _, value) => post('clear-txt', { host: `_acme-challenge.${authz.identifier.value}`, value }),
};

function post(command, record) {
    return new Promise((resolve, reject) => {
        const request = https.request(`${env.ACME_ORIGIN}/management/${command}`, { method: 'POST' }, (answer) => {
            answer.resume();
            answer.on('end', () => (answer.statusCode === 200 ? resolve() : reject(new Error(`${command}: ${answer.statusCode}`))));
        });
        request.on('error', reject);
        request.end(JSON.stringify(record));
    });
}

const listener = {
    present: async (authz, _, keyAuthorization) => {
        const [key, cert] = await acme.crypto.createAlpnCertificate(authz, keyAuthorization);
        listener.server = tls.createServer({ key, cert, ALPNProtocols: ['acme-tls/1'] });
        listener.server.on('tlsClientError', () => {});
        await new Promise((resolve) => { listener.server.listen(Number(env.TLS_PORT), '127.0.0.1', resolve); });
    },
    remove: async () => listener.server.close(),
};

const solvers = { 'http-01': webroot, 'dns-01': zone, 'tls-alpn-01': listener };

// What the package's own client.auto() does, but with all members that an order can have, and one after the other.
async function issue(client, members) {
    const kind = row in solvers ? row : 'http-01';
    const [key, csr] = await acme.crypto.createCsr({ altNames: names });
    const order = await client.createOrder({ identifiers: names.map((value) => ({ type: net.isIP(value) ? 'ip' : 'dns', value })), ...members });
    for (const authz of await client.getAuthorizations(order)) {
        const challenge = authz.challenges.find((c) => c.type === kind);
        const keyAuthorization = await client.getChallengeKeyAuthorization(challenge);
        await solvers[kind].present(authz, challenge, keyAuthorization);
        try {
            await client.completeChallenge(challenge);
            await client.waitForValidStatus(challenge);
        }
        finally {
            await solvers[kind].remove(authz, challenge, keyAuthorization);
        }
        if (row === 'authorization') {
            await client.deactivateAuthorization(authz);
            return null;
        }
    }
    const finalized = await client.finalizeOrder(order, csr);
    const chain = await client.getCertificate(finalized, env.PREFERRED_CHAIN ?? null);
    fs.writeFileSync(path.join(env.OUT, 'chain.pem'), chain);
    return { key, chain };
}

async function auto(client) {
    const [, csr] = await acme.crypto.createCsr({ altNames: names });
    const chain = await client.auto({
        csr,
        email: 'first@example.test',
        termsOfServiceAgreed: true,
        skipChallengeVerification: true,
        challengePriority: ['http-01'],
        challengeCreateFn: webroot.present,
        challengeRemoveFn: webroot.remove,
    });
    fs.writeFileSync(path.join(env.OUT, 'chain.pem'), chain);
}

async function run() {
    const client = await newClient();
    if (row === 'http-01' || row === 'names') {
        await auto(client);
        return;
    }
    await client.createAccount({ termsOfServiceAgreed: true, contact: ['mailto:first@example.test'] });
    switch (row) {
        case 'update':
            await client.updateAccount({ contact: ['mailto:second@example.test'] });
            return;
        case 'deactivate':
            await client.updateAccount({ status: 'deactivated' });
            return;
        case 'rollover':
            await client.updateAccountKey(await acme.crypto.createPrivateEcdsaKey());
            break;
        default:
    }
    const notAfter = row === 'not-after' ? new Date(Date.now() + 7 * 86400_000).toISOString() : undefined;
    const issued = await issue(client, { notAfter, profile: env.PROFILE });
    if (row === 'revoke') {
        await client.revokeCertificate(issued.chain, { reason: 4 });
    }
}

run().catch((error) => {
    console.error(error);
    process.exit(1);
});
