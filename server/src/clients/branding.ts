import { type BrandColours, colourFault, type Mode } from '../core/branding/accents.ts';
import { parseColour } from '../core/branding/colour.ts';
import { Problem } from '../core/problems.ts';
import type { Logo } from '../settings/logo-store.ts';
import { logoOf } from '../settings/logos.ts';
import type { Branding, Client } from './store.ts';

/** What fits a heading of a page and a line of a mail. */
const NAME_LENGTH_MAX = 60;

/** What a client shows of its own; logos as they are in their files. */
export interface WantedBranding extends BrandColours {
  readonly logo?: Uint8Array | undefined;
  readonly logoDark?: Uint8Array | undefined;
}

/** What is left out stays. */
export interface NewLook extends WantedBranding {
  readonly name?: string | undefined;
  /** Takes all that the client has of its own away, but its name, before anything else. */
  readonly reset?: boolean;
}

/** What people see of a client, as it is stored, with the logos to store. */
export function lookOf(
  client: Pick<Client, 'name' | 'branding'>,
  wanted: NewLook,
): { name: string; branding: Branding; logos: Logo[] } {
  const kept: Branding = wanted.reset ? {} : client.branding;
  const logo = wanted.logo && logoOf(wanted.logo);
  const logoDark = wanted.logoDark && logoOf(wanted.logoDark);
  const branding = {
    ...kept,
    ...(wanted.colour !== undefined && { colour: checkedColour(wanted.colour, 'light') }),
    ...(wanted.colourDark !== undefined && { colourDark: checkedColour(wanted.colourDark, 'dark') }),
    ...(logo && { logo: logo.id }),
    ...(logoDark && { logoDark: logoDark.id }),
  };
  const name = wanted.name === undefined ? client.name : checkedName(wanted.name);
  return { name, branding, logos: [logo, logoDark].filter((one) => one !== undefined) };
}

function checkedColour(text: string, mode: Mode): string {
  const colour = parseColour(text);
  const fault = colourFault(text, mode);
  if (colour !== undefined && fault === undefined) return colour;
  throw new Problem('client_invalid', `The colour cannot be ${JSON.stringify(text.slice(0, 40))}: ${fault}.`);
}

/** A name is shown to strangers: in a heading, in a subject line. */
function checkedName(text: string): string {
  const name = text.trim().normalize('NFC');
  const length = [...name].length;
  if (length < 1 || length > NAME_LENGTH_MAX)
    throw new Problem('client_invalid', `The name must have 1 to ${NAME_LENGTH_MAX} characters.`);
  if (/[\p{Cc}\p{Cs}\p{Co}\p{Zl}\p{Zp}]|(?![\u200c\u200d])\p{Cf}/u.test(name))
    throw new Problem('client_invalid', 'The name must not have control, direction or invisible characters.');
  if (!/[\p{L}\p{N}]/u.test(name))
    throw new Problem('client_invalid', 'The name must have a letter or a digit.');
  return name;
}
