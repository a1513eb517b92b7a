import { ID_TOKEN_ALGS } from '../clients/store.ts';
import { answer, type Command, instantText, UsageError, withRooms } from './command.ts';
import { table } from './table.ts';

const NO_KEYS = 'No keys yet: the server makes them when it first starts.';

const list: Command = {
  summary: 'List the keys that sign tokens',
  usage: 'postern keys list',
  takes: { min: 0, max: 0 },
  flags: {},
  examples: ['postern keys list', 'postern keys list --json'],
  run: async (call) => {
    const keys = await withRooms(call, (rooms) => rooms.keys.list());
    const rows = keys.map((key) => [
      key.kid,
      key.alg,
      key.state,
      instantText(key.createdAt),
      key.expiresAt === undefined ? '' : instantText(key.expiresAt),
    ]);
    const data = keys.map((key) => ({
      kid: key.kid,
      alg: key.alg,
      state: key.state,
      created_at: instantText(key.createdAt),
      expires_at: key.expiresAt === undefined ? undefined : instantText(key.expiresAt),
    }));
    return answer(call, data, table(['KID', 'ALG', 'STATE', 'CREATED', 'GONE'], rows, NO_KEYS));
  },
};

const rotate: Command = {
  summary: 'Sign with the next keys; the old ones stay published until their tokens end',
  usage: 'postern keys rotate [--alg ALG]',
  takes: { min: 0, max: 0 },
  flags: { alg: { type: 'string', value: 'ALG', meaning: 'RS256, ES256 or EdDSA only (all)' } },
  examples: ['postern keys rotate', 'postern keys rotate --alg RS256 --json'],
  run: async (call) => {
    const alg = call.text('alg');
    if (alg !== undefined && !ID_TOKEN_ALGS.some((known) => known === alg))
      throw new UsageError(`No key signs with ${alg}.`, `Choose one of ${ID_TOKEN_ALGS.join(', ')}.`);
    const rotated = await withRooms(call, (rooms) => rooms.keys.rotate(alg));
    const lines = rotated.map(({ kid }) => `${kid} signs from now on.`);
    return answer(
      call,
      rotated.map(({ kid }) => ({ kid })),
      lines.length === 0 ? [NO_KEYS] : lines,
    );
  },
};

export const keysCommands = { 'keys list': list, 'keys rotate': rotate };
