// Scalekit's "Passwordless quickstart (via OIDC)" as an Express app. Only three values are ours; they come
// from the environment.
import { randomUUID } from 'node:crypto';
import { ScalekitClient } from '@scalekit-sdk/node';
import express from 'express';

const { SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET, PORT = '3000' } = process.env;
if (!SCALEKIT_ENVIRONMENT_URL || !SCALEKIT_CLIENT_ID || !SCALEKIT_CLIENT_SECRET)
  throw new Error(
    'Set SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET (see README.md)',
  );

const scalekit = new ScalekitClient(SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET);

const home = `http://localhost:${PORT}/`;
const redirectUri = `${home}auth/callback`;

// Who is signed in, by session cookie. A real app keeps this in its database.
const sessions = new Map();

const app = express();

app.get('/', (req, res) => {
  const result = sessions.get(cookie(req, 'app_session'));
  res.send(result ? profilePage(result) : homePage());
});

app.get('/auth/login', (req, res) => {
  const options = {};
  if (req.query.email) options.loginHint = String(req.query.email);

  // The answer has to come back to the browser that asked: the cookie and the state tell.
  options.state = randomUUID();
  res.cookie('app_state', options.state, { httpOnly: true, sameSite: 'lax' });

  res.redirect(scalekit.getAuthorizationUrl(redirectUri, options));
});

app.get('/auth/callback', async (req, res) => {
  const { code, state, error, error_description } = req.query;
  if (!state || state !== cookie(req, 'app_state'))
    return res.status(400).send(failurePage('This sign-in was started in another browser, or twice.'));
  res.clearCookie('app_state');
  if (error) return res.status(400).send(failurePage(error_description ?? error));

  try {
    const result = await scalekit.authenticateWithCode(code, redirectUri);

    // "Next step: create a session for this user and allow access."
    const session = randomUUID();
    sessions.set(session, result);
    res.cookie('app_session', session, { httpOnly: true, sameSite: 'lax' });
    res.redirect('/');
  } catch (failure) {
    // A code that was used before, for one: the answer of the server says why.
    res.status(400).send(failurePage(failure.response?.data?.error_description ?? failure.message));
  }
});

app.post('/auth/logout', (req, res) => {
  const session = cookie(req, 'app_session');
  const result = sessions.get(session);
  sessions.delete(session);
  res.clearCookie('app_session');

  res.redirect(scalekit.getLogoutUrl({ idTokenHint: result?.idToken, postLogoutRedirectUri: home }));
});

app.listen(PORT, (failure) => {
  if (failure) throw failure;
  console.log(`Open ${home}`);
});

function cookie(req, name) {
  const pair = (req.headers.cookie ?? '').split('; ').find((one) => one.startsWith(`${name}=`));
  return pair?.slice(name.length + 1);
}

function homePage() {
  return page(
    'Sign in without a password',
    `<p>This is your app. Enter an address, or leave it empty and be asked for it.</p>
    <form action="/auth/login">
      <label for="email">Email</label>
      <input id="email" name="email" type="email" autocomplete="email" placeholder="you@example.com">
      <button>Sign in</button>
    </form>`,
  );
}

function profilePage({ user, idToken, expiresIn }) {
  const claims = JSON.parse(Buffer.from(idToken.split('.')[1], 'base64url').toString());
  return page(
    `Hello, ${user.email}`,
    `<p>You are signed in. The access token is good for ${escaped(expiresIn)} seconds; the ID token says:</p>
    <pre>${escaped(JSON.stringify(claims, null, 2))}</pre>
    <form action="/auth/logout" method="post"><button>Sign out</button></form>`,
  );
}

function failurePage(reason) {
  return page('That did not work', `<p>${escaped(reason)}</p><p><a href="/">Try again</a></p>`);
}

function page(title, body) {
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${escaped(title)}</title>
  <style>
    :root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 45%, transparent); }
    body { font: 1rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto; padding: 0 1.25rem; }
    h1 { font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere; }
    label { display: block; font-weight: 600; }
    input, button { font: inherit; box-sizing: border-box; width: 100%; padding: .6rem .8rem; border-radius: .5rem; }
    input { border: 1px solid var(--line); margin-bottom: .75rem; background: transparent; }
    button { border: 0; background: #2453d3; color: #fff; font-weight: 600; cursor: pointer; }
    pre { font-size: .85rem; padding: 1rem; border: 1px solid var(--line); border-radius: .5rem; overflow-x: auto; }
  </style>
</head>
<body>
  <main>
    <h1>${escaped(title)}</h1>
    ${body}
  </main>
</body>
</html>`;
}

function escaped(text) {
  const names = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return String(text).replace(/[&<>"']/g, (character) => names[character]);
}
