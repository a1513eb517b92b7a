import { type Catalogue, english } from '../../src/platform/words/catalogues.ts';
import { createWords, type Words } from '../../src/platform/words/words.ts';

const PLAIN = 'aceginoprstuyzACEGINOPRSTUYZ';
const ACCENTED = 'åçéĝîñöþŕšţûýžÅÇÉĜÎÑÖÞŔŠŢÛÝŽ';

/** How much longer a text is in a language that needs much room. */
const LONGER = 1.4;

/** English that looks foreign and is as long as the longest languages: `[Šîĝñ îñ ţö {app} ·····]`. */
export function pseudoWords(dir: 'ltr' | 'rtl'): Words {
  return createWords(dir === 'rtl' ? 'ar' : 'en', pseudoCatalogue());
}

function pseudoCatalogue(): Catalogue {
  return JSON.parse(JSON.stringify(english), (_key, value) =>
    typeof value === 'string' ? pseudo(value) : value,
  );
}

/** Words of four letters fill it up: room for one long word is another question, which long texts ask. */
function pseudo(text: string): string {
  const missing = Math.ceil(text.length * (LONGER - 1));
  const filling = 'öñé~ '.repeat(missing).slice(0, missing).trim();
  const accented = text
    .split(/(\{\w+\})/)
    .map((part) => (part.startsWith('{') ? part : part.replace(/[a-zA-Z]/g, accent)));
  return `[${accented.join('')} ${filling}]`;
}

function accent(letter: string): string {
  return ACCENTED[PLAIN.indexOf(letter)] ?? letter;
}
