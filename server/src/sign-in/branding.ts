import type { Branding } from '../clients/store.ts';
import { type Accents, accentsOf, type BrandColours } from '../core/branding/accents.ts';
import { type LogoFacts, logoFacts } from '../core/branding/logo.ts';
import { brandStyle } from '../platform/http/brand-style.ts';
import type { Site } from '../platform/words/choice.ts';
import type { SettingValues } from '../settings/definitions.ts';

/** A deployment with what its owner has decided. */
export interface BrandedSite extends Site {
  readonly settings: { snapshot(): SettingValues };
}

export interface BrandLogo extends LogoFacts {
  readonly path: string;
}

/** How pages and mails look, as far as somebody has chosen it. */
export interface Brand {
  /** The name of the deployment. */
  readonly name: string;
  readonly accents?: Accents;
  /** The accents as the style sheet of a page. */
  readonly style?: string;
  readonly logo?: BrandLogo;
  /** For dark pages; without it the other one stands on a white ground. */
  readonly logoDark?: BrandLogo;
}

/**
 * The deployment's look, and over it what a client has of its own. A colour or logo of a client's own
 * comes with its own twin for the dark, or with none.
 */
export function brandOf({ settings }: Pick<BrandedSite, 'settings'>, own: Branding = {}): Brand {
  const values = settings.snapshot();
  const colours = {
    colour: own.colour || values['branding.colour'],
    colourDark: own.colourDark || (own.colour ? '' : values['branding.colour_dark']),
  };
  const logo = placed(own.logo || values['branding.logo']);
  const logoDark = placed(own.logoDark || (own.logo ? '' : values['branding.logo_dark']));
  return {
    name: values['branding.name'],
    ...(colours.colour || colours.colourDark ? styleOf(colours) : {}),
    ...(logo && { logo }),
    ...(logoDark && { logoDark }),
  };
}

function placed(id: string): BrandLogo | undefined {
  const facts = logoFacts(id);
  return facts && { ...facts, path: `/logos/${id}` };
}

type Styled = Required<Pick<Brand, 'accents' | 'style'>>;

/** Made once for each pair of colours. */
const known = new Map<string, Styled>();
const KNOWN_MAX = 500;

function styleOf(colours: BrandColours): Styled {
  const key = `${colours.colour} ${colours.colourDark}`;
  const found = known.get(key);
  if (found) return found;
  if (known.size >= KNOWN_MAX) known.clear();
  const accents = accentsOf(colours);
  const made = { accents, style: brandStyle(accents) };
  known.set(key, made);
  return made;
}
