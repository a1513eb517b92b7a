/** The stylesheet of the development inbox, in the colours of the hosted pages. */
export const inboxStyle = `
:root{color-scheme:light dark;--page:light-dark(#f4f5f2,#0d1211);--card:light-dark(#fff,#161d1b);--text:light-dark(#18211e,#eaf0ed);--soft:light-dark(#56605b,#a4b1ab);--line:light-dark(#dee2de,#2a3431);--act:light-dark(#0d5a49,#86d9bf);--act2:light-dark(#094437,#a9e8d5);--on:light-dark(#fff,#06261d);--tint:light-dark(#e9f1ed,#1c2a26)}
*{box-sizing:border-box}
html{font:100%/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
body{margin:0;color:var(--text);background:var(--page);overflow-wrap:anywhere}
header{display:flex;flex-wrap:wrap;align-items:baseline;gap:.25rem 1rem;padding:1.25rem 1.5rem}
h1{margin:0;font-size:1.25rem;font-weight:650;letter-spacing:-.01em}
h2{margin:0 0 .25rem;font-size:1.375rem;line-height:1.3;font-weight:650;letter-spacing:-.01em}
p{margin:0}
.soft,dt{color:var(--soft)}
header p,.meta,nav small,summary{font-size:.875rem}
main{display:grid;grid-template-columns:minmax(15rem,22rem) minmax(0,1fr);gap:1.25rem;align-items:start;max-width:80rem;padding:0 1.5rem 1.5rem}
nav,article,.empty{background:var(--card);border:1px solid var(--line);border-radius:1.25rem}
nav{padding:.5rem;max-height:calc(100vh - 6rem);overflow:auto}
nav a{display:block;padding:.75rem 1rem;border-radius:.875rem;color:inherit;text-decoration:none}
nav a:hover{background:var(--page)}
nav a[aria-current]{background:var(--tint)}
nav b{display:block;font-weight:600}
nav small{display:flex;justify-content:space-between;gap:1rem;color:var(--soft)}
time{white-space:nowrap}
article{padding:1.5rem;display:grid;gap:1.25rem}
.keys{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr));gap:1rem}
.key{display:flex;flex-wrap:wrap;align-items:center;gap:.75rem;padding:1rem 1.25rem;border-radius:1rem;background:var(--tint)}
.key>:first-child{flex:1 1 9rem;min-width:0}
.key>.link{flex-basis:15rem}
.key>span{display:flex;gap:.75rem}
.code{font:600 2rem/1.2 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;letter-spacing:.08em;user-select:all}
.code span{margin-inline-start:.35em}
.link{font-size:.875rem;color:var(--act)}
button,.button{display:inline-grid;place-items:center;min-height:2.75rem;padding:.5rem 1.125rem;font:inherit;font-size:.9375rem;font-weight:600;text-decoration:none;color:var(--on);background:var(--act);border:1px solid transparent;border-radius:.75rem;cursor:pointer}
button:hover,.button:hover{background:var(--act2)}
iframe{display:block;width:100%;height:42rem;border:1px solid var(--line);border-radius:1rem;background:var(--page)}
summary{padding:.5rem 0;color:var(--act);cursor:pointer}
pre{margin:0;padding:1.25rem;border:1px solid var(--line);border-radius:1rem;background:var(--page);font:.875rem/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap}
.empty{grid-column:1/-1;padding:4rem 1.5rem;text-align:center}
.empty p{margin-inline:auto;max-width:30rem;text-wrap:balance}
:focus-visible{outline:3px solid var(--act);outline-offset:2px}
[hidden]{display:none!important}
@media (max-width:52rem){header{padding:1rem 1.25rem}main{grid-template-columns:minmax(0,1fr);padding:0 0 1rem;gap:1rem}nav,article,.empty{border-inline-width:0;border-radius:0}article{order:-1;padding:1.25rem}nav{max-height:none}iframe{height:40rem}}
`.trim();

/** Runs in the page: copies what is marked, shows times as they are here, and follows what arrives. */
function runInbox(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-copy]')) {
    button.hidden = false;
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(button.dataset.copy ?? '');
      button.textContent = 'Copied';
      setTimeout(() => {
        button.textContent = 'Copy';
      }, 1500);
    });
  }
  for (const time of document.querySelectorAll('time'))
    time.textContent = new Date(time.dateTime).toLocaleTimeString();
  const watch = async (): Promise<void> => {
    const answer = await fetch(document.body.dataset.next ?? '').catch(() => undefined);
    const arrived: unknown = answer?.ok ? await answer.json().catch(() => []) : undefined;
    if (Array.isArray(arrived) && arrived.length > 0) return location.reload();
    if (arrived === undefined) await new Promise((later) => setTimeout(later, 2000));
    return watch();
  };
  void watch();
}

export const inboxScript = `(${runInbox})()`.replace(/^ +/gm, '');
