import { SECOND } from '../../core/units.ts';
import { type Html, html } from '../../platform/http/html.ts';
import { button, card, stepForm } from '../page-parts.ts';
import type { StepPage } from '../pages.ts';
import type { Puzzle } from './puzzle.ts';

export interface PuzzlePage extends StepPage {
  puzzle: Puzzle;
  /** The form that is sent again with the answer: its step, and what it held. */
  step: 'start' | 'restart' | 'resend';
  fields: Record<string, string>;
}

/** A short sum for the browser; without scripts the button queues. */
export function puzzlePage(model: PuzzlePage): Html {
  const { words, puzzle, step, fields } = model;
  const waits = puzzle.retryAfterMs > 0;
  const seconds = html`${words.seconds(Math.max(puzzle.retryAfterMs, SECOND))}`;
  const content = html`<p class="soft">!${words.show('puzzle.lead')}</p>
!${stepForm(model, step, {
    hidden: { ...fields, challenge: puzzle.challenge },
    content: html`<input type="hidden" name="answer" data-bits="${puzzle.bits}">
<progress aria-label="${words.say('puzzle.title')}" max="1" value="0"></progress>
<p class="hint"!${waits ? html` role="alert"` : ''}>!${waits ? words.show('puzzle.wait', { seconds }) : words.show('puzzle.without')}</p>
!${button(words.show('page.continue'), 'second')}`,
  })}`;
  return card({
    ...model,
    title: words.say('puzzle.title'),
    heading: words.show('puzzle.title'),
    content,
    script: 'puzzle',
  });
}
