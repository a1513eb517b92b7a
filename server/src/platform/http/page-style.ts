/** Each colour of the pages, on light and on dark. */
export const pageColours = {
  page: ['#f4f5f2', '#0d1211'],
  glow: ['#e4eee9', '#15241f'],
  card: ['#fff', '#161d1b'],
  text: ['#18211e', '#eaf0ed'],
  soft: ['#56605b', '#a4b1ab'],
  line: ['#dee2de', '#2a3431'],
  field: ['#fff', '#0f1514'],
  edge: ['#7d8782', '#76847e'],
  act: ['#0d5a49', '#86d9bf'],
  act2: ['#094437', '#a9e8d5'],
  on: ['#fff', '#06261d'],
  tint: ['#e9f1ed', '#1c2a26'],
  bad: ['#a8261c', '#ff9f94'],
  badtint: ['#fcefed', '#331c1a'],
} as const satisfies Readonly<Record<string, readonly [light: string, dark: string]>>;

/** The rules that give the page's variables one value on light and another on dark. */
export function colourRules(
  colours: Readonly<Record<string, readonly [light: string, dark: string]>>,
): string {
  const rule = (mode: 0 | 1) =>
    `:root{${Object.entries(colours)
      .map(([name, pair]) => `--${name}:${pair[mode]}`)
      .join(';')}}`;
  return `${rule(0)}@media (prefers-color-scheme:dark){${rule(1)}}`;
}

/**
 * The one stylesheet of the hosted pages. Lengths are relative and logical, so that 400 % zoom and
 * right-to-left pages need no rules of their own.
 */
export const pageStyle = `
:root{color-scheme:light dark}${colourRules(pageColours)}
*{box-sizing:border-box}
html{font:100%/1.55 system-ui,sans-serif;-webkit-text-size-adjust:100%}
body{margin:0;min-height:100vh;min-height:100svh;display:grid;grid-template-rows:1fr auto;justify-items:center;gap:1.5rem;padding:2.5rem 1.25rem 1.5rem;color:var(--text);background:radial-gradient(70rem 36rem at 50% 0,var(--glow),transparent) var(--page);overflow-wrap:anywhere}
main{align-self:start;margin-block-start:min(8vh,5rem);width:100%;max-width:27rem;padding:2.5rem;background:var(--card);border:1px solid var(--line);border-radius:1.5rem;box-shadow:0 1px 2px #0000000a,0 1.5rem 3rem -1.5rem #00000026}
p,ul,dl{margin:0 0 1rem;text-wrap:pretty}
h1{margin:0 0 .5rem;font-size:1.625rem;line-height:1.25;font-weight:650;text-wrap:balance}
.app{display:flex;align-items:center;gap:.75rem;margin-block-end:1.75rem;font-weight:600}
.mark{flex:none;display:grid;place-items:center;width:2.5rem;height:2.5rem;border-radius:.75rem;border:1px solid transparent;color:var(--on);background:var(--act);font-size:1.125rem}
.app img{display:block;max-width:100%;height:auto}
.plate{border-radius:.125rem;color:#18211e;background:#fff;box-shadow:0 0 0 .375rem #fff}
.soft,.hint,footer,dt{color:var(--soft)}
.hint,footer,dl,summary{font-size:.875rem}
.hint{margin:.5rem 0 0}
label{display:block;margin-block:1.5rem .375rem;font-weight:600}
input{display:block;width:100%;min-height:3.25rem;padding:.5rem .875rem;font:inherit;color:inherit;background:var(--field);border:1px solid var(--edge);border-radius:.75rem}
input[aria-invalid=true]{border-color:var(--bad);box-shadow:inset 0 0 0 1px var(--bad)}
input.code{padding-inline:.35em 0;font:600 1.75rem/1 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;letter-spacing:.35em;text-align:center}
input.long{font-size:1.25rem;letter-spacing:.15em;padding-inline:.15em 0}
label.tick{display:flex;align-items:center;gap:.75rem;min-height:2.75rem;margin:.5rem 0 0;font-weight:400;cursor:pointer}
.tick input{flex:none;width:1.5rem;height:1.5rem;min-height:0;margin:0;padding:0;accent-color:var(--act)}
.fault{margin:.5rem 0 0;color:var(--bad);font-weight:600}
.note{margin:1rem 0;padding:.75rem 1rem;border-radius:.75rem;border:1px solid transparent;background:var(--tint)}
.note.fault{background:var(--badtint);font-weight:500}
button,.button{display:block;width:100%;min-height:3.25rem;margin:1.25rem 0 0;padding:.75rem 1rem;font:inherit;font-weight:600;text-align:center;text-decoration:none;color:var(--on);background:var(--act);border:1px solid transparent;border-radius:.75rem;cursor:pointer}
button:hover,.button:hover{background:var(--act2)}
form+form .second,.button+.second{margin-block-start:.75rem}
.second{color:inherit;background:none;border-color:var(--edge)}
.second:hover{background:var(--tint)}
.button+p,form+dl{margin-block-start:1.5rem}
.numbers{display:flex;gap:.75rem}
.numbers button{margin:0;padding-inline:0;font-size:1.25rem}
.languages{display:grid;grid-template-columns:1fr 1fr;gap:0 1rem}
.more{margin-block:1.75rem 0;padding-block-start:.75rem;border-block-start:1px solid var(--line)}
div.more{margin-block-end:-.75rem}
.quiet,summary{display:inline-block;width:auto;min-height:2.75rem;margin:0;padding:.625rem 0;font-size:.9375rem;font-weight:500;color:var(--act);background:none;border:0;text-align:start;text-decoration:underline;text-underline-offset:.2em;cursor:pointer}
.quiet[aria-current]{font-weight:700;color:inherit;text-decoration:none}
.quiet:hover{background:none;color:var(--act2)}
.quiet[aria-disabled=true]{color:var(--soft);text-decoration:none;cursor:default}
summary{display:list-item}
details ul{margin:0;padding-inline-start:1.25rem}
li+li{margin-block-start:.375rem}
.shown{display:block;margin-block:1rem;padding:1.25rem .5rem;border-radius:1rem;border:1px solid transparent;background:var(--tint);font:600 2.25rem/1.1 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;letter-spacing:.08em;text-align:center;user-select:all}
.shown span+span{margin-inline-start:.4em}
dl{display:grid;grid-template-columns:fit-content(45%) 1fr;gap:.25rem 1rem}
dd{margin:0}
code{font:inherit;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
:focus-visible{outline:3px solid var(--act);outline-offset:2px}
input:focus-visible{outline-width:2px;outline-offset:-1px}
input[aria-invalid=true]:focus-visible{outline-color:var(--bad)}
.note:focus{outline:0}
.vh{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
progress{display:block;width:100%;height:.75rem;margin:1.5rem 0 0;accent-color:var(--act)}
progress[value="0"]{visibility:hidden}
[hidden]{display:none!important}
footer{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 1.5rem;width:100%;max-width:27rem;padding-inline:.25rem}
footer>*{display:flex;align-items:center;gap:.375rem;min-height:2.75rem;color:inherit}
footer>:only-child{margin-inline:auto}
svg{flex:none}
@media (max-width:30rem){body{padding:0 0 .75rem;gap:0;background:var(--card)}main{margin-block-start:0;padding:1.75rem 1.25rem;border:0;box-shadow:none;background:none}footer{padding-inline:1.25rem}}
@media (forced-colors:active){.quiet[aria-disabled=true]{color:GrayText}}
`.trim();
