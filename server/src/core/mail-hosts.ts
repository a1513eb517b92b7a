/**
 * Where most people have their mail: the name before the first dot, and every ending under which the
 * provider really hands out addresses. The order breaks ties: more people first.
 */
export const MAIL_HOSTS: ReadonlyMap<string, readonly string[]> = new Map(
  [
    'gmail: com',
    'yahoo: com co.uk fr de it es ca in co.in co.id co.jp co.kr co.nz co.th co.za co.il com.br com.ar com.au com.mx com.co com.cn com.hk com.my com.ph com.pe com.sg com.tr com.tw com.ve com.vn ie gr pl ro se dk no nl be at ch cz fi hu pt',
    'hotmail: com co.uk fr de it es ca be nl ch at se no dk fi gr ru pt rs hu cz sk lt lv my ph sg co.in co.id co.il co.jp co.kr co.nz co.th co.za com.ar com.au com.br com.hk com.mx com.tr com.tw com.vn',
    'outlook: com fr de it es at be ch cl cz dk hu ie in jp kr lv my ph pt sa sg sk co.id co.il co.nz co.th com.ar com.au com.br com.gr com.hr com.mx com.pe com.tr com.ua com.vn',
    'icloud: com com.cn',
    'live: com co.uk fr de it es ca be nl at ch cl cn dk fi hk ie in jp no ru se co.kr co.za com.ar com.au com.mx com.my com.ph com.pt com.sg',
    'aol: com de fr co.uk it es se nl in jp com.au com.br com.mx',
    'googlemail: com',
    'msn: com',
    'me: com',
    'mac: com',
    'ymail: com',
    'rocketmail: com',
    'proton: me',
    'protonmail: com ch',
    'pm: me',
    'gmx: de net com at ch us org info biz eu fr es it pt co.uk co.in tm',
    'web: de',
    't-online: de',
    'freenet: de',
    'mail: com ru de ee bg ch dk',
    'yandex: ru com by kz ua com.tr',
    'rambler: ru',
    'qq: com',
    '163: com',
    '126: com',
    'naver: com',
    'orange: fr es',
    'free: fr',
    'wanadoo: fr es',
    'laposte: net',
    'libero: it',
    'virgilio: it',
    'comcast: net',
    'verizon: net',
    'att: net',
    'sbcglobal: net',
    'bellsouth: net',
    'btinternet: com',
    'fastmail: com fm co.uk de es fr in jp net nl org se to us',
    'zoho: com eu in',
    'hey: com',
    'tutanota: com de',
    'rediffmail: com',
    'seznam: cz',
    'bigpond: com net.au',
  ].map((line) => {
    const [name = '', endings = ''] = line.split(': ');
    return [name, endings.split(' ')];
  }),
);

/** The name in the table above whose domain this is: `yahoo` for `yahoo.co.uk`. */
export function mailHostOf(domain: string): string | undefined {
  const dot = domain.indexOf('.');
  const name = domain.slice(0, dot);
  return MAIL_HOSTS.get(name)?.includes(domain.slice(dot + 1)) === true ? name : undefined;
}

/** Brands with one ending of their own: under any other one it is a slip. */
export const ONE_ENDING: readonly string[] = ['gmail', 'googlemail', 'icloud', 'rocketmail'];

/** Genuine domains that a slip of a finger could also make of a name above. */
export const NEAR_BUT_GENUINE: ReadonlySet<string> = new Set(
  [
    'email.com email.de email.cz email.it email.ru fmail.co.uk vmail.com rmail.com jmail.com imail.com xmail.com',
    'gmai.io grail.com gail.com gala.com goal.com mailbox.org mail.ua mail.bg mails.com myyahoo.com yahoo-inc.com',
    'yahooinc.com ucloud.com ocloud.com cloud.com icould.org inbox.com hushmail.com hotelmail.com outlook.live.com',
    'never.com nave.com saver.com aver.com libera.it liberi.it laporte.net range.fr oranges.com protein.me photon.me',
    'me.co mail.co hey.co att.co pm.co mac.co free.co web.co live.co aol.cm msn.cn horizon.net verizon.com comcast.com',
    'tutamail.com tuta.com tuta.io keemail.me yandex.net yandex-team.ru rambler.com freemail.hu freemail.de',
    'fastmail.net fastermail.com zohomail.com zohomail.eu zohocorp.com yahoo.net gmx.li hotmail.org',
    'fast-email.com fast-mail.fr fast-mail.org fastemail.us flashmail.com flashmail.net fsmail.net gotmail.com',
    'homemail.com mmail.com prontomail.com tatanova.com y7mail.com',
  ].flatMap((line) => line.split(' ')),
);

/** Endings that do not exist, and the one that was meant: safe to correct on any domain. */
export const ENDING_SLIPS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    com: 'con cmo ocm comm coom ccom cim vom xom cpm ckm cok comn conm coml comj vcom xcom dcom clm cpom copm cxom fom c0m como cmon ocom coim ckom clom cojm comk',
    net: 'nte ent nett nnet nrt nwt ney neet netr het nert',
    org: 'ogr rog orgg oorg orh prg irg otg ofg',
    edu: 'eud deu eduu edy',
    'co.uk': 'couk co.ku co.ik co.ukk co.k co.u co.yk co.uj co.il.uk cp.uk ci.uk oc.uk c.uk co.ul coo.uk',
    'com.br': 'con.br cmo.br com.rb combr comm.br com.brr',
    'com.au': 'con.au cmo.au com.ua.au comau comm.au com.auu',
  }).flatMap(([meant, slips]) => slips.split(' ').map((slip) => [slip, meant])),
);
