// A certified OpenID provider for tests, started and steered by `src/outside/oidc_provider.rs`.
//
// The first line of standard input is the configuration, each further one replaces its keys; each is answered by a line
// on standard output. The process ends when its input does, so it cannot outlive the test. People sign in by coming to
// the interaction page with `?as=<account>`, and consent to everything; `?as=nobody` declines.
import { createPrivateKey } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

// It says on its own what it thinks of a quick start; nobody reads that here.
console.info = console.warn = () => {};
const { default: Provider } = await import('oidc-provider');

let settings;
let provider;
const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, settings.issuer);
  const serving = pathname.startsWith('/interaction/')
    ? interact(request, response, searchParams.get('as'))
    : provider.callback()(request, response);
  Promise.resolve(serving).catch((error) => {
    if (!response.headersSent) response.writeHead(500);
    response.end(String(error));
  });
});

async function interact(request, response, account) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (!account || account === 'nobody') {
    await provider.interactionFinished(request, response, { error: 'access_denied' });
    return;
  }
  if (prompt.name === 'login') {
    await provider.interactionFinished(request, response, { login: { accountId: account } });
    return;
  }
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

function build() {
  const keys = settings.keys.map(({ name, algorithm, pkcs8 }) => ({
    ...createPrivateKey({ key: Buffer.from(pkcs8, 'base64'), format: 'der', type: 'pkcs8' }).export({ format: 'jwk' }),
    kid: name,
    alg: algorithm,
    use: 'sig',
  }));
  provider = new Provider(settings.issuer, {
    clients: settings.clients,
    jwks: { keys },
    cookies: { keys: ['a test'] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: settings.conformIdTokenClaims,
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256'] },
    findAccount: (_, id) => settings.accounts[id] && {
      accountId: id,
      claims: () => ({ sub: id, ...settings.accounts[id] }),
    },
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  settings = { ...settings, ...JSON.parse(line) };
  if (!server.listening) {
    await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
    settings.issuer = `http://127.0.0.1:${server.address().port}`;
  }
  build();
  process.stdout.write(`${JSON.stringify({ issuer: settings.issuer })}\n`);
}
process.exit();
