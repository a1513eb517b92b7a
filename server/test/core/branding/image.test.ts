import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeImage } from '../../../src/core/branding/image.ts';
import { hostileDrawings, jpeg, png, svg, webps } from '../../fixtures/pictures.ts';

function faultOf(bytes: Uint8Array): string {
  const judged = judgeImage(bytes);
  return 'fault' in judged ? judged.fault : '';
}

const drawn = (inside: string, attributes = '') =>
  svg(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 40" ${attributes}>${inside}</svg>`);

describe('a logo', () => {
  it('is told by its first bytes, with its size', () => {
    assert.deepEqual(judgeImage(png(120, 40)), { kind: 'png', size: { width: 120, height: 40 } });
    assert.deepEqual(judgeImage(jpeg(300, 20)), { kind: 'jpeg', size: { width: 300, height: 20 } });
    for (const [name, bytes] of Object.entries(webps(33, 21)))
      assert.deepEqual(judgeImage(bytes), { kind: 'webp', size: { width: 33, height: 21 } }, name);
    assert.deepEqual(judgeImage(drawn('<path d="M0 0"/>')), {
      kind: 'svg',
      size: { width: 120, height: 40 },
    });
  });

  it('is refused when it is too large', () => {
    assert.match(faultOf(new Uint8Array(32 * 1024 + 1)), /33 kB; at most 32/);
    assert.match(faultOf(png(1025, 40)), /1025 × 40 pixels/);
    assert.match(faultOf(webps(1, 2000).extended), /1 × 2000 pixels/);
    assert.equal(faultOf(png(1024, 1024)), '');
  });

  it('is refused when it is something else, nothing or cut off', () => {
    const others = [
      '',
      'GIF89a',
      '<!doctype html><script>1</script>',
      '<html></html>',
      '%PDF-1.7',
      'RIFF1234AVI ',
    ];
    for (const text of others) assert.match(faultOf(svg(text)), /no PNG, JPEG, WebP or SVG/, text);
    assert.notEqual(faultOf(png(120, 40).subarray(0, 20)), '');
    assert.match(faultOf(jpeg(1, 1).subarray(0, 6)), /cannot be read/);
    assert.match(faultOf(png(0, 40)), /no width/);
  });

  it('never throws, whatever the bytes are', () => {
    for (const start of [png(9, 9), jpeg(9, 9), webps(9, 9).simple, drawn('<g/>')])
      for (let at = 0; at < start.length; at += 1) judgeImage(start.subarray(0, at));
  });
});

describe('a logo in SVG', () => {
  it('may draw with shapes, gradients, filters and styles', () => {
    const inside = `<title>Acme &amp; Co</title><defs><linearGradient id="a" gradientTransform="rotate(45)">
      <stop offset="0" stop-color="#f00"/></linearGradient><style>.b{fill:url(#a)}
      @media (prefers-color-scheme: dark){.b{fill:#fff}}</style></defs><!-- drawn by hand -->
      <g class='b' style="opacity:.9"><path d="M0 0h10v10z" fill="url('#a')"/><text x="1">Ac&#109;e</text></g>`;
    assert.equal(faultOf(drawn(inside)), '');
    assert.equal(faultOf(svg(`<?xml version="1.0" encoding="UTF-8"?>\n${text(drawn(''))}\n`)), '');
    const sized = '<svg width="120px" height="40" xmlns="http://www.w3.org/2000/svg"><g/></svg>';
    assert.deepEqual(judgeImage(svg(sized)), { kind: 'svg', size: { width: 120, height: 40 } });
  });

  it('needs a size and the name of its language', () => {
    assert.match(faultOf(svg('<svg xmlns="http://www.w3.org/2000/svg"><g/></svg>')), /needs a viewBox/);
    assert.match(faultOf(svg('<svg viewBox="0 0 1 1"><g/></svg>')), /does not begin with/);
  });

  for (const [name, source] of Object.entries(hostileDrawings))
    it(`is refused with ${name}`, () => assert.notEqual(faultOf(svg(source)), ''));

  it('is refused where it is not well-formed', () => {
    for (const inside of [
      '<g>',
      '</g>',
      '<g></path>',
      '<g id=a/>',
      '<g id="a" id="b"/>',
      '<g id="<"/>',
      '&nope;',
      'a & b',
    ])
      assert.notEqual(faultOf(drawn(inside)), '', inside);
    assert.match(faultOf(svg(`${text(drawn(''))}<g/>`)), /behind its end/);
    assert.match(faultOf(svg(`${text(drawn(''))}more`)), /outside/);
    assert.match(faultOf(drawn('<g>'.repeat(50) + '</g>'.repeat(50))), /too deeply/);
    assert.match(faultOf(Uint8Array.from([...drawn('<g/>'), 0xff])), /UTF-8/);
  });
});

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
