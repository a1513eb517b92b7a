// npm start: installs what is missing, then becomes `postern dev`.
process.argv.splice(2, 0, 'dev');
await import('./postern.mjs');
