import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Landing } from '../support/app-client.ts';
import type { Scene } from './scene.ts';
import { factsWanted, seenIn } from './seen.ts';
import type { World } from './sign-in-rules.ts';

/** What came of something that somebody did, for the model and for the product. */
export interface Happened {
  readonly expected: string;
  readonly seen: Landing | string;
}

export interface Both {
  readonly world: World;
  readonly scene: Scene;
}

export interface Deed<Args> {
  readonly name: string;
  /** How often it is drawn beside the others. */
  readonly weight: number;
  readonly args: fc.Arbitrary<Args>;
  /** Whether there is anything to do it to. */
  readonly isPossible?: (world: World) => boolean;
  readonly play: (both: Both, args: Args) => Promise<Happened>;
}

export type WeightedCommand = fc.WeightedArbitrary<fc.AsyncCommand<World, Scene>>;

export function command<Args>(deed: Deed<Args>): WeightedCommand {
  return { weight: deed.weight, arbitrary: deed.args.map((args) => new Command(deed, args)) };
}

/** One thing that somebody does: what is seen, mailed and stored afterwards must be what the model says. */
class Command<Args> implements fc.AsyncCommand<World, Scene> {
  readonly #deed: Deed<Args>;
  readonly #args: Args;

  constructor(deed: Deed<Args>, args: Args) {
    this.#deed = deed;
    this.#args = args;
  }

  check(world: World): boolean {
    return this.#deed.isPossible?.(world) ?? true;
  }

  async run(world: World, scene: Scene): Promise<void> {
    const { expected, seen } = await this.#deed.play({ world, scene }, this.#args);
    const landing = typeof seen === 'string' ? undefined : seen;
    assert.equal(landing ? seenIn(landing) : seen, expected, `${this}: what is seen`);
    scene.played += 1;
    for (const end of expected.split(', ')) scene.reached.add(/^[A-Za-z_ ]*[a-z_]/.exec(end)?.[0] ?? '');
    scene.learn(world, landing);
    assert.deepEqual(await scene.facts(), factsWanted(world), `${this}: what is stored`);
  }

  toString(): string {
    return `${this.#deed.name}${fc.stringify(this.#args)}`;
  }
}

/** The newest of a list, or one of those before it. */
export function pick<T>(list: readonly T[], back: number): T {
  const found = list.at(-1 - (back % list.length));
  if (found === undefined) throw new Error('there is nothing to pick from');
  return found;
}
