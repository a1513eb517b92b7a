import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createFakeClock } from '../support/clock.ts';
import { appDeeds, askEverywhere, restartDeed } from './app-deeds.ts';
import type { WeightedCommand } from './command.ts';
import { mailDeeds } from './mail-deeds.ts';
import { pageDeeds } from './page-deeds.ts';
import { openScene, type Scene, type SceneOptions } from './scene.ts';
import { ENDS, seenIn } from './seen.ts';
import { type Rules, World } from './sign-in-rules.ts';

/** The same sequences each time; `POSTERN_TEST_MODEL_SEED` asks for others. */
const SEED = Number(process.env.POSTERN_TEST_MODEL_SEED ?? 20_300_603);

/** How many sequences all files of the model run together. */
const RUNS = Number(process.env.POSTERN_TEST_MODEL_RUNS ?? 2000);

const COMMANDS_MAX = 24;

/** A restart takes as long as a hundred other commands: it is a hundredth as frequent as the rest together. */
const commands = fc.commands(
  [
    fc.oneof(
      ...[...pageDeeds, ...mailDeeds, ...appDeeds].map(
        (deed): WeightedCommand => ({ ...deed, weight: deed.weight * 4 }),
      ),
      restartDeed,
    ),
  ],
  { maxCommands: COMMANDS_MAX, size: 'max' },
);

export interface ModelRun extends Omit<SceneOptions, 'clock'> {
  /** Of all sequences, those that this run makes: from the first share to the second. */
  readonly from: number;
  readonly to: number;
  /** What these rules leave no way to; everything else must have been come to. */
  readonly unreachable?: readonly string[];
}

/** Carries random sequences of commands out on the model and on one server, and compares after each command. */
export async function playRandomly(given: Omit<SceneOptions, 'clock'>, how: fc.Parameters<[Sequence]>) {
  const clock = createFakeClock();
  const scene = await openScene({ ...given, clock });
  const property = fc.asyncProperty(commands, (sequence) => playOut(scene, given.rules, sequence));
  try {
    const details = await fc.check(property, { seed: SEED, ...how });
    return { details, played: scene.played, reached: scene.reached };
  } finally {
    await scene.close();
    clock.release();
  }
}

type Sequence = Iterable<fc.AsyncCommand<World, Scene>>;

async function playOut(scene: Scene, rules: Rules, sequence: Sequence): Promise<void> {
  const world = new World(rules, scene.reset());
  await fc.asyncModelRun(() => ({ model: world, real: scene }), sequence);
  for (const { expected, seen } of await askEverywhere({ world, scene }))
    assert.equal(typeof seen === 'string' ? seen : seenIn(seen), expected, 'who is signed in at the end');
}

/** Fails with the seed and the shortest sequence of commands that still shows the divergence. */
export async function requireNoDivergence(given: ModelRun): Promise<string> {
  const startedAt = performance.now();
  const usedBefore = process.cpuUsage();
  const numRuns = Math.round(RUNS * given.to) - Math.round(RUNS * given.from);
  const seed = SEED + Math.round(1000 * given.from);
  const { details, played, reached } = await playRandomly(given, { numRuns, seed });
  if (details.failed) throw new Error(`${reasonOf(details)}\n${fc.defaultReportMessage(details)}`);
  const missed = ENDS.filter((end) => !reached.has(end));
  if (numRuns >= ENOUGH) assert.deepEqual(missed.toSorted(), (given.unreachable ?? []).toSorted());
  const { user, system } = process.cpuUsage(usedBefore);
  const busy = ((user + system) / 1_000_000).toFixed(1);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  return `${details.numRuns} sequences, ${played} commands, seed ${seed}: ${seconds} s, ${busy} s of a core`;
}

/** So many sequences come to everything that can be come to. */
const ENOUGH = 250;

function reasonOf({ errorInstance }: { errorInstance: unknown }): string {
  return errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
}
