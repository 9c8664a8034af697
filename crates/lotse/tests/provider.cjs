// An identity provider at work: the package oidc-provider with two clients and three people.
//
// Started with the port to listen on (0: any). Prints its address in a line of JSON. Each line of JSON on
// standard input sets it up anew, with fresh keys, and is answered with a line:
//   { "redirect": where people are sent back, "algorithm": what ID tokens are signed with,
//     "secret": the client's, or null for a public client, "inToken": whether claims are in the ID token,
//     "web": where people of a web client are sent back, if there is one }
// Its access tokens are opaque; clients with a secret may ask about them.
"use strict";

const crypto = require("node:crypto");
const http = require("node:http");
const readline = require("node:readline");
const { pathToFileURL } = require("node:url");

// The package tells people what is not for production; standard output is for the test alone.
console.info = console.warn = console.error;

const PEOPLE = {
  ada: { preferred_username: "Ada", groups: ["cloud-admins", "staff"] },
  vera: { preferred_username: "Vera", groups: ["staff"] },
  eve: { preferred_username: "Eve", groups: ["visitors"] },
};

const FORM = `<!doctype html><html lang="en"><title>Who are you?</title>
<form method="post"><label>Name <input name="login"></label> <button>Continue</button></form>`;

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

function keys() {
  const pairs = {
    RS256: ["rsa", { modulusLength: 2048 }],
    ES256: ["ec", { namedCurve: "P-256" }],
    EdDSA: ["ed25519", {}],
  };
  return Object.entries(pairs).map(([alg, [type, options]]) => {
    const { privateKey } = crypto.generateKeyPairSync(type, options);
    return { ...privateKey.export({ format: "jwk" }), use: "sig", alg };
  });
}

const web = (wanted) =>
  wanted.web
    ? [{ client_id: "web", redirect_uris: [wanted.web], token_endpoint_auth_method: "none" }]
    : [];

function configuration(wanted) {
  const client = (id) => ({
    client_id: id,
    redirect_uris: [wanted.redirect],
    id_token_signed_response_alg: wanted.algorithm,
    ...(wanted.secret
      ? { client_secret: wanted.secret }
      : { token_endpoint_auth_method: "none" }),
  });
  return {
    jwks: { keys: keys() },
    cookies: { keys: ["of this test"] },
    clients: [client("lotse"), client("another"), ...web(wanted)],
    enabledJWA: { idTokenSigningAlgValues: ["RS256", "ES256", "EdDSA"] },
    pkce: { methods: ["S256"], required: () => true },
    scopes: ["openid", "profile"],
    claims: { openid: ["sub"], profile: ["preferred_username", "groups"] },
    conformIdTokenClaims: !wanted.inToken,
    features: { devInteractions: { enabled: false }, introspection: { enabled: true } },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, id) =>
      PEOPLE[id] && { accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) },
    // Nobody is asked whether the client may know them.
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({
        clientId: oidc.client.clientId,
        accountId: oidc.session.accountId,
      });
      grant.addOIDCScope("openid profile");
      await grant.save();
      return grant;
    },
  };
}

async function signIn(provider, request, response) {
  let body = "";
  for await (const chunk of request) body += chunk;
  const login = new URLSearchParams(body).get("login");
  if (request.method !== "POST" || !PEOPLE[login]) {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(FORM);
    return;
  }
  await provider.interactionFinished(request, response, { login: { accountId: login } });
}

async function main() {
  const { default: Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));
  let provider;
  const server = http.createServer((request, response) => {
    if (!request.url.startsWith("/interaction/")) return provider.callback()(request, response);
    signIn(provider, request, response).catch((error) => {
      response.statusCode = 400;
      response.end(String(error));
    });
  });
  await new Promise((listening) => server.listen(Number(process.argv[2]), "127.0.0.1", listening));
  const issuer = `http://localhost:${server.address().port}`;
  say({ issuer });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    provider = new Provider(issuer, configuration(JSON.parse(line)));
    say({ ready: true });
  }
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
