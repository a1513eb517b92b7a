/** Cookie names; with https the prefixes bind them to this host (RFC 6265bis 4.1.3). */
export function cookieNames(origin: URL): {
  session: string;
  interaction: string;
  resume: string;
  browser: string;
  language: string;
  languageHere: string;
  address: string;
} {
  const secure = origin.protocol === 'https:';
  const [host, path] = secure ? ['__Host-', '__Secure-'] : ['', ''];
  return {
    session: `${host}postern_session`,
    browser: `${host}postern_browser`,
    language: `${host}postern_language`,
    address: `${host}postern_address`,
    languageHere: `${path}postern_language_here`,
    interaction: `${path}postern_interaction`,
    resume: `${path}postern_resume`,
  };
}
