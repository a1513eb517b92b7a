// Signing people in without passwords, with an Express app. The three values come from the environment.
import { PosternClient } from '@postern/node';
import express from 'express';

const { POSTERN_URL, CLIENT_ID, CLIENT_SECRET, APP_URL = 'http://localhost:3000' } = process.env;
const postern = new PosternClient(POSTERN_URL, CLIENT_ID, CLIENT_SECRET);
const app = express();

app.get('/auth/login', (req, res) => {
  const { url, pending } = postern.beginSignIn(`${APP_URL}/auth/callback`, { loginHint: req.query.email });
  res.cookie('pending', pending, { httpOnly: true, sameSite: 'lax' }).redirect(url);
});

app.get('/auth/callback', (req, res) => {
  const welcome = ({ user }) => res.clearCookie('pending').json(user); // Next: a session of your own for user.id.
  const explain = (error) => res.status(400).type('text').send(error.message);
  postern.finishSignIn(req.url, /pending=([\w-]+)/.exec(req.headers.cookie)?.[1]).then(welcome, explain);
});

app.listen(new URL(APP_URL).port, () => console.log(`Open ${APP_URL}/auth/login`));
