/** What mails are made of. What runs, loads, asks or frames is not among it. */
const ELEMENTS = new Set(
  [
    'html head title meta style body div span p a img br hr wbr center font',
    'table caption colgroup col thead tbody tfoot tr th td',
    'h1 h2 h3 h4 h5 h6 ul ol li dl dt dd blockquote q cite pre code kbd samp var',
    'b strong i em u s del ins small big sub sup mark abbr time bdi bdo address',
    'header footer main section article aside nav figure figcaption hgroup',
    'xml', // Outlook reads it in its conditional comments
  ].flatMap((line) => line.split(' ')),
);

/** Outlook's own: `<v:roundrect>` is how it draws a button. */
const OUTLOOK = /^[vow]:[a-z][a-z0-9]*$/;

/** Why a mail cannot hold an element; undefined where it can. */
export function elementFault(name: string): string | undefined {
  const lower = name.toLowerCase();
  return ELEMENTS.has(lower) || OUTLOOK.test(lower) ? undefined : `a mail cannot hold <${short(lower)}>`;
}

const ADDRESSES = new Set(['href', 'src', 'background', 'cite']);

/** Whether the attribute holds a URL that somebody or something follows. */
export function isAddress(attribute: string): boolean {
  return ADDRESSES.has(attribute);
}

/** They run, send, or hold more than one URL. */
const REFUSED =
  /^(?:on.*|srcdoc|srcset|imagesrcset|action|formaction|ping|poster|data|manifest|profile|longdesc|lowsrc|dynsrc|usemap|xlink:.*|is|xml:base|classid|codebase|archive)$/;

const NAME = /^[a-z](?:[a-z0-9_.:-]*[a-z0-9_])?$/;

/** Why an element cannot have an attribute of this name. */
export function attributeFault(name: string): string | undefined {
  if (!NAME.test(name)) return `${short(name)} is no name of an attribute`;
  return REFUSED.test(name) ? `a mail cannot hold the attribute ${short(name)}` : undefined;
}

/** Up to the end of the host, nothing of it left open. */
const WHOLE_HOST = /^https:\/\/[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?[/?#]/i;

/** Whether what follows this beginning can no longer change where the URL leads. */
export function leadsSomewhere(beginning: string): boolean {
  return WHOLE_HOST.test(beginning.trimStart()) && !/[\\\s]/.test(beginning.trim());
}

/** Why a URL without variables cannot stand in a mail. */
export function addressFault(attribute: string, url: string): string | undefined {
  const text = url.trim();
  if (attribute === 'href' && (text === '' || /^(?:mailto:[^\s<>"'?&\\]+|#[\w-]*)$/i.test(text)))
    return undefined;
  return leadsSomewhere(`${text}/`)
    ? undefined
    : `${attribute} must be {{ link }} or another address of ours, or begin with https:// and a host`;
}

/** The value of an attribute that may not say what it likes. */
export function valueFault(attribute: string, value: string): string | undefined {
  if (isAddress(attribute)) return addressFault(attribute, value);
  if (attribute === 'style') return styleFault(decoded(value));
  if (
    attribute === 'http-equiv' &&
    !/^(?:content-type|x-ua-compatible|content-language)$/i.test(value.trim())
  )
    return `a mail cannot hold <meta http-equiv="${short(value)}">`;
  return undefined;
}

const LOADING: readonly (readonly [RegExp, string])[] = [
  [/@\s*import/i, '@import'],
  [/\b(?:url|src|image|image-set|-webkit-image-set|cross-fade|element)\s*\(/i, 'url()'],
  [/expression\s*\(/i, 'expression()'],
  [/behaviou?r\s*:|-moz-binding/i, 'behavior'],
];

/** Style sheets that load something, or run it, however that is written. */
export function styleFault(css: string): string | undefined {
  const plain = css.replace(/\\([0-9a-f]{1,6})\s?|\\([^\n])/gi, (_escape, point: string, letter: string) =>
    point === undefined ? letter : symbolOf(Number.parseInt(point, 16)),
  );
  const readings = [plain, plain.replace(/\/\*[\s\S]*?\*\//g, '')];
  const found = LOADING.find(([pattern]) => readings.some((text) => pattern.test(text)));
  return found && `the style of a mail cannot hold ${found[1]}: mails load nothing`;
}

/** Character references in an attribute, as a mail program reads them. */
function decoded(value: string): string {
  return value
    .replace(/&#x([0-9a-f]{1,6});?/gi, (_whole, point: string) => symbolOf(Number.parseInt(point, 16)))
    .replace(/&#(\d{1,7});?/g, (_whole, point: string) => symbolOf(Number(point)))
    .replace(
      /&(lpar|rpar|commat|colon|bsol|sol|ast|Tab|NewLine);/gi,
      (_whole, name: string) => NAMED[name.toLowerCase()] ?? '',
    );
}

const NAMED: Readonly<Record<string, string>> = {
  lpar: '(',
  rpar: ')',
  commat: '@',
  colon: ':',
  bsol: '\\',
  sol: '/',
  ast: '*',
  tab: ' ',
  newline: ' ',
};

function symbolOf(point: number): string {
  return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : '';
}

function short(text: string): string {
  return text.length > 30 ? `${text.slice(0, 29)}…` : text;
}
