import { crc32, deflateSync } from 'node:zlib';

/** A grey picture that a browser shows. */
export function png(width: number, height: number): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.writeUInt8(8, 8);
  const rows = deflateSync(Buffer.alloc((width + 1) * height, 0));
  const start = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([start, chunk('IHDR', header), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}

/** As far as its frame header, behind a segment to be skipped. */
export function jpeg(width: number, height: number): Uint8Array {
  const frame = Buffer.from([0xff, 0xc2, 0, 17, 8, 0, 0, 0, 0, 3, 1, 0x11, 0, 2, 0x11, 1, 3, 0x11, 1]);
  frame.writeUInt16BE(height, 5);
  frame.writeUInt16BE(width, 7);
  const skipped = [0xff, 0xe0, 0, 6, 0xff, 0xc0, 1, 2];
  return Buffer.concat([Buffer.from([0xff, 0xd8, ...skipped]), frame]);
}

/** The head of each of the three forms. */
export function webps(width: number, height: number): Record<'simple' | 'lossless' | 'extended', Uint8Array> {
  const simple = Buffer.alloc(30);
  simple.write('RIFF    WEBPVP8 ', 'latin1');
  simple.writeUInt16LE(width, 26);
  simple.writeUInt16LE(height, 28);
  const lossless = Buffer.alloc(30);
  lossless.write('RIFF    WEBPVP8L', 'latin1');
  lossless.writeUInt8(0x2f, 20);
  lossless.writeUInt32LE((width - 1) | ((height - 1) << 14), 21);
  const extended = Buffer.alloc(30);
  extended.write('RIFF    WEBPVP8X', 'latin1');
  extended.writeUIntLE(width - 1, 24, 3);
  extended.writeUIntLE(height - 1, 27, 3);
  return { simple, lossless, extended };
}

export function svg(source: string): Uint8Array {
  return new TextEncoder().encode(source);
}

/** A drawing that may be a logo. */
export const drawing = svg(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 40"><path d="M0 0h120v40H0z" fill="#4a2"/></svg>',
);

const around = (inside: string, attributes = '') =>
  `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9" ${attributes}>${inside}</svg>`;

/** Drawings that would run, load or hide something. */
export const hostileDrawings: Readonly<Record<string, string>> = {
  'a script': around('<script>alert(1)</script>'),
  'a script in capitals': around('<SCRIPT>alert(1)</SCRIPT>'),
  'a script behind a prefix': around('<s:script xmlns:s="http://www.w3.org/2000/svg">alert(1)</s:script>'),
  'foreign markup': around('<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>'),
  'a handler': around('<g/>', 'onload="alert(1)"'),
  'a handler in capitals': around('<g ONCLICK="alert(1)"/>'),
  'a picture from elsewhere': around('<image href="https://example.com/a.png"/>'),
  'a part from elsewhere': around('<use xlink:href="https://example.com/a.svg#b"/>'),
  'parts that repeat parts': around('<g id="a"><use href="#a"/><use href="#a"/></g>'),
  'a link': around('<a href="https://example.com/"><path d="M0 0"/></a>'),
  'an animation': around('<path d="M0 0"><set attributeName="href" to="javascript:alert(1)"/></path>'),
  'a gradient from elsewhere': around('<linearGradient xlink:href="//example.com/a#b"/>'),
  'a reference under another prefix': around(
    '<linearGradient y:href="a.svg#b" xmlns:y="http://www.w3.org/1999/xlink"/>',
  ),
  'a fill from elsewhere': around('<path fill="url(https://example.com/a#b)"/>'),
  'a fill from beside it': around('<path fill="url(a.svg#b)"/>'),
  'a fill that hides its address': around('<path fill="url(&#104;ttps:&#47;/example.com/a#b)"/>'),
  'a style with an escape': around('<path style="fill:\\75rl(https:example.com)"/>'),
  'a style sheet from elsewhere': around('<style>@import "a.css";</style>'),
  'a font from elsewhere': around('<style>@font-face{font-family:a;src:url(a.woff)}</style>'),
  'a set of pictures': around('<g style="background:image-set(\'a.png\' 1x)"/>'),
  'a style that hides an import': around('<style>&#64;import "a.css";</style>'),
  'data of its own': around('<path fill="url(data:image/svg+xml,x)"/>'),
  'a base': around('<g xml:base="https://example.com/"/>'),
  'a style sheet before it': `<?xml-stylesheet href="https://example.com/a.css"?>${around('<g/>')}`,
  'a document type': `<!DOCTYPE svg SYSTEM "https://example.com/a.dtd">${around('<g/>')}`,
  'entities of its own': `<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>${around('<text>&a;</text>')}`,
  'unread text': around('<style><![CDATA[@import "a.css"]]></style>'),
  'another language': '<svg xmlns="http://www.w3.org/1999/xhtml" viewBox="0 0 9 9"><g/></svg>',
};
