// One world of sign-ins as the specification wants it: who is asked what, and who gets in. It calls nothing of
// the product; each method is one thing that somebody does, and answers what their browser must then show.
import { type App, AppRules, type Session, type Who } from './app-rules.ts';

/** What the owner of the deployment has decided. */
export interface Rules {
  readonly guessesMax: number;
  readonly pauseSeconds: number;
  readonly newestOnly: boolean;
  readonly sameBrowserOnly: boolean;
  readonly mailsPerMinute: number;
}

/** One authorization request that waits for a person in a browser. */
export interface Visit {
  readonly browser: Who;
  readonly app: App;
  /** Where a session alone is no answer. */
  readonly prompt: Prompt;
  /** Whose account there is to go on with. */
  readonly choice: Session | undefined;
  readonly openedAt: number;
  readonly attempts: Attempt[];
  isOver: boolean;
  /** The path of the page and the request that its forms carry, once the product has shown it. */
  home: string;
  sealed: string;
}

export type Prompt = 'login' | 'select_account' | undefined;

export type State = 'pending' | 'satisfied' | 'redeemed' | 'locked' | 'expired' | 'superseded' | 'disowned';

export interface Attempt {
  readonly visit: Visit;
  readonly to: Who;
  readonly mails: Mail[];
  readonly wrong: Set<string>;
  state: State;
  /** Mails that were asked for, whether they left or not. */
  askedAt: number[];
  expiresAt: number;
  session?: Session;
}

export interface Mail {
  readonly attempt: Attempt;
  readonly expiresAt: number;
  /** What stands in it, once it has arrived. */
  code: string;
  link: string;
  notMe: string;
}

/** What comes to a mailbox: a mail of a sign-in, or word that one was disowned, by which nobody can do anything. */
export interface Letter {
  readonly to: Who;
  readonly mail: Mail | undefined;
}

const SECOND = 1000;
const VALID = 600 * SECOND;
const VISIT_LIFE = 3600 * SECOND;
const TO_FINISH = 60 * SECOND;
const MAILS_MAX = 5;
const LIVE_CODES = 3;

export class World {
  readonly apps: AppRules;
  readonly visits: Visit[] = [];
  readonly attempts: Attempt[] = [];
  readonly mails: Mail[] = [];
  readonly letters: Letter[] = [];
  readonly users = new Set<Who>();
  readonly events: Record<string, number> = {};
  readonly rules: Rules;
  now: number;
  mailsHeld = 0;
  readonly #mailedTo = new Map<Who, [second: number, mails: number][]>();

  constructor(rules: Rules, now: number) {
    this.rules = rules;
    this.now = now;
    this.apps = new AppRules({ now: () => this.now, happened: (type) => this.#happened(type) });
  }

  /** The app sends the browser here. */
  open(browser: Who, app: App, prompt: Prompt): string {
    const session = this.apps.sessionIn(browser);
    if (session && prompt === undefined) return this.#backTo(app, session);
    const choice = prompt === 'select_account' ? session : undefined;
    const visit = {
      browser,
      app,
      prompt,
      choice,
      openedAt: this.now,
      attempts: [],
      isOver: false,
      home: '',
      sealed: '',
    };
    this.visits.push(visit);
    return shows(this.#pageOf(visit));
  }

  /** The same with `prompt=none`: no page, whatever the answer. */
  ask(browser: Who, app: App): string {
    const session = this.apps.sessionIn(browser);
    return session ? this.#backTo(app, session) : `${app} gets login_required`;
  }

  look(visit: Visit, by: Who): string {
    if (this.#isOpen(visit, by)) return shows(this.#pageOf(visit));
    return by === visit.browser && newest(visit)?.state === 'redeemed' ? shows('done') : shows('lost', 400);
  }

  stateSeen(visit: Visit, by: Who): string {
    const attempt = by === visit.browser ? newest(visit) : undefined;
    return attempt ? this.stateOf(attempt) : 'none';
  }

  /** A form that changes nothing by itself. */
  goOn(visit: Visit, by: Who, step: 'again' | 'continue'): string {
    if (!this.#isOpen(visit, by)) return this.#late(visit, by, step);
    return shows(this.#pageOf(visit));
  }

  /** Going on as who is signed in, where they are still. */
  keep(visit: Visit, by: Who): string {
    if (!this.#isOpen(visit, by)) return this.#late(visit, by, 'keep');
    const session = this.apps.sessionIn(by);
    if (!session || session !== visit.choice) return this.open(by, visit.app, visit.prompt);
    visit.isOver = true;
    return this.#backTo(visit.app, session);
  }

  cancel(visit: Visit, by: Who): string {
    if (!this.#isOpen(visit, by)) return this.#late(visit, by, 'abort');
    visit.isOver = true;
    return `${visit.app} gets access_denied`;
  }

  start(visit: Visit, by: Who, to: Who): string {
    if (!this.#isOpen(visit, by)) return this.#late(visit, by, 'start');
    return this.#begin(visit, to);
  }

  restart(visit: Visit, by: Who, step: number): string {
    if (!this.#isOpen(visit, by)) return this.#late(visit, by, 'restart');
    const over = newest(visit);
    if (!over || step !== visit.attempts.length) return shows(this.#pageOf(visit));
    if (this.stateOf(over) === 'pending') this.#supersede(over);
    return this.#begin(visit, over.to);
  }

  otherAddress(visit: Visit, by: Who): string {
    if (!this.#isOpen(visit, by)) return this.#late(visit, by, 'address');
    const open = newest(visit);
    if (open) this.#supersede(open);
    return shows('email');
  }

  /** `step`: how many mails there were when the form was made. It works once. */
  resend(visit: Visit, by: Who, step: number): string {
    if (!this.#isOpen(visit, by)) return this.#late(visit, by, 'resend');
    const attempt = newest(visit);
    if (!attempt || this.stateOf(attempt) !== 'pending') return shows(this.#pageOf(visit));
    const asked = attempt.askedAt.length;
    if (step !== asked) return shows('code');
    if (asked >= MAILS_MAX) return shows('mails spent');
    const pause = this.rules.pauseSeconds * SECOND * Math.min(4, 2 ** (asked - 1));
    if (this.now < (attempt.askedAt.at(-1) ?? 0) + pause) return shows('code', 429);
    attempt.askedAt.push(this.now);
    attempt.expiresAt = Math.max(attempt.expiresAt, this.now + VALID);
    this.#happened('attempt.mail_asked');
    this.#mail(attempt);
    return shows('code');
  }

  enterCode(visit: Visit, by: Who, typed: string): string {
    if (!this.#isOpen(visit, by)) return this.#late(visit, by, 'code');
    const attempt = newest(visit);
    if (!attempt) return shows(this.#pageOf(visit));
    if (typed.length < 10) return shows(this.#pageOf(visit), 400);
    attempt.state = this.stateOf(attempt); // what was found to be over stays so
    if (attempt.state === 'pending') return this.#judge(attempt, typed);
    if (attempt.state === 'satisfied') return this.#finish(attempt);
    return shows(this.#pageOf(visit));
  }

  /** The page of a link, and the code that it shows elsewhere. */
  lookAtLink(mail: Mail, by: Who | 'scanner', status = 200): string {
    const here = mail.attempt.visit.browser === by;
    const state = this.stateOf(mail.attempt);
    if (state === 'redeemed') return shows('link used', status);
    if (state === 'superseded') return shows('link superseded', status);
    if (state === 'locked' || state === 'disowned') return shows('stopped', status);
    if (state === 'satisfied') return shows(here ? 'continue' : 'link used', status);
    if (state === 'expired' || this.now >= mail.expiresAt) return shows('link expired', status);
    if (this.rules.newestOnly && mail.attempt.mails.at(-1) !== mail) return shows('link superseded', status);
    if (here) return shows('continue', status);
    return this.rules.sameBrowserOnly
      ? shows('link elsewhere and bound', status)
      : `${shows('link elsewhere', status)} ${mail.code}`;
  }

  confirmLink(mail: Mail, by: Who): string {
    const { attempt } = mail;
    const seen = this.lookAtLink(mail, by, 400);
    if (seen !== shows('continue', 400)) return seen;
    if (attempt.state === 'pending') this.#prove(attempt);
    return this.#finish(attempt);
  }

  /** The button of a link that is over. */
  goOnFromLink(mail: Mail, by: Who): string {
    const { visit } = mail.attempt;
    if (by !== visit.browser) return this.lookAtLink(mail, by, 400);
    if (this.#isOpen(visit, by)) return shows(this.#pageOf(visit));
    return this.open(by, visit.app, visit.prompt);
  }

  lookAtNotMe({ attempt }: Mail): string {
    return shows(attempt.state === 'disowned' ? 'disowned' : 'disown');
  }

  sayNotMe({ attempt }: Mail): string {
    const last = newest(attempt.visit);
    if (attempt.state !== 'disowned') this.#post({ to: attempt.to, mail: undefined });
    const successor = attempt.state === 'superseded' && last !== attempt && last?.to === attempt.to;
    for (const one of successor && last ? [attempt, last] : [attempt]) {
      if (one.state !== 'disowned') this.#happened('attempt.disowned');
      one.state = 'disowned';
      if (one.session) this.apps.end(one.session);
    }
    return shows('disowned');
  }

  signOut(browser: Who): string {
    const session = this.apps.sessionIn(browser);
    if (session) this.apps.end(session);
    return shows('signed out');
  }

  stateOf({ state, expiresAt }: Attempt): State {
    return (state === 'pending' || state === 'satisfied') && this.now >= expiresAt ? 'expired' : state;
  }

  #isOpen(visit: Visit, by: Who): boolean {
    return by === visit.browser && !visit.isOver && this.now < visit.openedAt + VISIT_LIFE;
  }

  /** A form of a page that is over: it goes on with the same request, in the browser that has it. */
  #late(visit: Visit, by: Who, step: string): string {
    if (by !== visit.browser) return shows('lost', 400);
    if (newest(visit)?.state === 'redeemed' && step !== 'again') return shows('done', 400);
    if (step === 'abort') return `${visit.app} gets access_denied`;
    return this.open(by, visit.app, visit.prompt);
  }

  #pageOf(visit: Visit): string {
    const attempt = newest(visit);
    const state = attempt && this.stateOf(attempt);
    if (state === undefined && visit.choice) return 'choice';
    if (state === undefined || state === 'superseded') return 'email';
    if (state === 'redeemed') return 'done';
    return {
      pending: 'code',
      satisfied: 'continue',
      locked: 'locked',
      expired: 'expired',
      disowned: 'stopped',
    }[state];
  }

  #begin(visit: Visit, to: Who): string {
    const latest = newest(visit);
    const isOpen = latest && ['pending', 'satisfied'].includes(this.stateOf(latest));
    if (isOpen && latest.to === to) return shows(this.#pageOf(visit));
    if (latest) this.#supersede(latest);
    const attempt: Attempt = {
      visit,
      to,
      mails: [],
      wrong: new Set(),
      state: 'pending',
      askedAt: [this.now],
      expiresAt: this.now + VALID,
    };
    visit.attempts.push(attempt);
    this.attempts.push(attempt);
    this.#happened('attempt.started');
    this.#mail(attempt);
    return shows('code');
  }

  #supersede(attempt: Attempt): void {
    if (['redeemed', 'superseded', 'disowned'].includes(attempt.state)) return;
    attempt.state = 'superseded';
    this.#happened('attempt.superseded');
  }

  /** One address gets so many mails in any minute; nobody is told when there are more. */
  #mail(attempt: Attempt): void {
    const all = this.#mailedTo.get(attempt.to) ?? [];
    const counted = all.filter(([second]) => second + 61 * SECOND > this.now);
    const sum = counted.reduce((total, [, mails]) => total + mails, 0);
    if (sum >= this.rules.mailsPerMinute) {
      this.mailsHeld += 1;
      return;
    }
    const last = counted.at(-1);
    if (last && last[0] >= this.now) last[1] += 1;
    else counted.push([this.now, 1]);
    this.#mailedTo.set(attempt.to, counted);
    const mail = { attempt, expiresAt: this.now + VALID, code: '', link: '', notMe: '' };
    attempt.mails.push(mail);
    this.mails.push(mail);
    this.#post({ to: attempt.to, mail });
  }

  #post(letter: Letter): void {
    this.letters.push(letter);
    this.#happened('mail.sent');
  }

  #judge(attempt: Attempt, typed: string): string {
    const live = attempt.mails.slice(this.rules.newestOnly ? -1 : -LIVE_CODES);
    if (live.some((mail) => mail.code === typed && this.now < mail.expiresAt)) {
      this.#prove(attempt);
      return this.#finish(attempt);
    }
    const guess = `${attempt.askedAt.length} ${typed}`;
    if (attempt.wrong.has(guess)) return shows('code', 400);
    attempt.wrong.add(guess);
    if (attempt.wrong.size < this.rules.guessesMax) {
      this.#happened('attempt.code_wrong');
      return shows('code', 400);
    }
    attempt.state = 'locked';
    this.#happened('attempt.locked');
    return shows('locked');
  }

  #prove(attempt: Attempt): void {
    attempt.state = 'satisfied';
    attempt.expiresAt = Math.max(attempt.expiresAt, this.now + TO_FINISH);
    this.#happened('attempt.satisfied');
    if (!this.users.has(attempt.to)) this.#happened('user.created');
    this.users.add(attempt.to);
  }

  #finish(attempt: Attempt): string {
    const { visit } = attempt;
    if (!this.#isOpen(visit, visit.browser)) return shows('lost', 400);
    attempt.state = 'redeemed';
    attempt.session = this.apps.signIn(visit.browser, attempt.to);
    visit.isOver = true;
    this.#happened('attempt.redeemed');
    return this.#backTo(visit.app, attempt.session);
  }

  #backTo(app: App, session: Session): string {
    this.apps.issueCode(session, app);
    return `${app} gets a code`;
  }

  #happened(type: string): void {
    this.events[type] = (this.events[type] ?? 0) + 1;
  }
}

function newest(visit: Visit): Attempt | undefined {
  return visit.attempts.at(-1);
}

/** What a browser shows, as one line. */
export function shows(page: string, status = 200): string {
  return `${page} ${status}`;
}
