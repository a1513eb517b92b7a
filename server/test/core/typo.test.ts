import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Email, parseEmail } from '../../src/core/email.ts';
import { suggestAddress } from '../../src/core/typo.ts';

/** What fingers make of a domain, below the domain that was meant. */
const typos: Readonly<Record<string, string>> = {
  'gmail.com': `gmial.com gmal.com gamil.com gmai.com gmil.com gnail.com gmaill.com ggmail.com gmmail.com gmaiil.com
    gmail.con gmail.cmo gmail.ocm gmail.comm gmail.cim gmail.vom gmail.co gmail.cm gmail.om gmail.xom gmail.cpm
    gmsil.com gmqil.com gmaul.com gmaik.com gmaip.com gmaol.com gmial.con gnail.con gmal.con gmail.coom gmail.comn
    hmail.com fmail.com mgail.com gmali.com gmaild.com gmaile.com gimail.com gemail.com gmail.cok gmail.c0m
    gmail.net gmail.org gmail.de gmail.fr gmail.co.uk gmail.com.br gmai.lcom gmail.c.om gmaio.com gmeil.com
    gmall.com gmaii.com gjail.com gamil.con gmail.clm www.gmail.com gmail.vim gmial.co gmil.co`,
  'googlemail.com': 'googlemial.com goglemail.com googlmail.com googelmail.com googlemail.con googlemail.de',
  'hotmail.com': `hotmial.com hotmal.com hotmai.com hotmil.com hotamil.com hotmaill.com hormail.com hotnail.com
    homtail.com htomail.com hotmail.con hotmail.cmo hotmail.cm hotmail.co hotmail.om hotmaol.com hotmali.com
    hotmsil.com ohtmail.com hitmail.com hptmail.com hotmeil.com hoymail.com hhotmail.com hotmmail.com otmail.com
    hotmial.con hot.mail.com hotmaul.com jotmail.com hotmail.ocm hotmall.com htmail.com hotmaile.com hotmail.vom`,
  'hotmail.fr': 'hotmial.fr hotmal.fr hotmai.fr hotmail.rf homail.fr',
  'hotmail.co.uk': 'hotmial.co.uk hotmail.couk hotmal.co.uk hotmail.co.ik hotmail.cp.uk',
  'outlook.com': `outlok.com outloo.com outlokk.com outllook.com outlook.con outlook.co outlook.cm oulook.com
    outook.com outlool.com outlook.cmo otulook.com outloook.com ourlook.com oytlook.com iutlook.com outlouk.com
    outlook.comm utlook.com outlookk.com oultook.com outlook.om outlook.cim`,
  'outlook.de': 'outlok.de oulook.de outlook.ed',
  'yahoo.com': `yaho.com yahooo.com yhoo.com yaoo.com yahho.com yhaoo.com yaboo.com yajoo.com ahoo.com tahoo.com
    uahoo.com ayhoo.com yahoo.con yahoo.cmo yahoo.co yahoo.cm yahoo.comm yahoo.vom yahop.com yahoi.com yqhoo.com
    yshoo.com yaho.con yahoo.om zahoo.com yaaho.com`,
  'yahoo.co.uk': 'yaho.co.uk yahoo.couk yahooo.co.uk yahoo.co.ik yhaoo.co.uk yahoo.c.uk',
  'yahoo.fr': 'yaho.fr yahooo.fr yhaoo.fr',
  'yahoo.com.br': 'yaho.com.br yahoo.con.br yahooo.com.br',
  'icloud.com': `iclod.com icoud.com icould.com icluod.com iclould.com icloud.con icloud.co icloud.cm icloud.de
    iclooud.com iclud.com iclouf.com ilcoud.com iclous.com icloyd.com icloud.cmo oicloud.com icloid.com`,
  'live.com': 'live.con lvie.com livee.com live.cmo live.cm',
  'aol.com': 'aol.con alo.com aool.com aol.cmo aol.co',
  'me.com': 'me.con me.cmo',
  'msn.com': 'msn.con mns.com msn.cm',
  'proton.me': 'protn.me porton.me protno.me proton.em protonn.me prton.me protob.me',
  'protonmail.com': 'protonmial.com protonmal.com prtonmail.com protonmail.con potonmail.com protonmai.com',
  'gmx.de': 'gxm.de gmx.ed gmxx.de',
  'gmx.net': 'gmx.nte gmx.ent gxm.net',
  'web.de': 'wbe.de web.ed webb.de',
  't-online.de': 't-onlin.de t-onlne.de t-onilne.de tonline.de t-onlien.de',
  'mail.ru': 'mial.ru mail.ur maill.ru',
  'yandex.ru': 'yandx.ru yadnex.ru yandes.ru yandex.ur',
  'orange.fr': 'ornage.fr orang.fr ornge.fr orange.rf',
  'free.fr': 'fere.fr freee.fr',
  'wanadoo.fr': 'wanado.fr wandoo.fr wanaddo.fr',
  'laposte.net': 'lapost.net lapsote.net laposte.nte',
  'libero.it': 'libreo.it liber.it libero.ti',
  'comcast.net': 'comcst.net comast.net comcats.net comcast.nte concast.net',
  'verizon.net': 'verizn.net verzion.net verison.net verizon.ent',
  'att.net': 'att.nte att.ent',
  'sbcglobal.net': 'sbcgloabl.net sbcglobl.net',
  'fastmail.com': 'fastmial.com fasmail.com fastmal.com',
  'zoho.com': 'zohoo.com zhoo.com zoho.con',
  'naver.com': 'navr.com naver.con anver.com',
  'tutanota.com': 'tutanoa.com tutnota.com',
  'qq.com': 'qq.con qq.cmo',
  '163.com': '163.con 163.cmo',
  'ymail.com': 'ymial.com ymail.con',
  'acme.com': 'acme.con acme.cmo acme.ocm acme.vom',
  'example.org': 'example.ogr example.orgg',
  'shop.example.co.uk': 'shop.example.couk shop.example.co.ik',
  'cs.stanford.edu': 'cs.stanford.eud',
};

/** People and firms that have their mail there. */
const genuine = `gmail.com googlemail.com yahoo.com yahoo.co.uk yahoo.fr yahoo.de yahoo.it yahoo.es yahoo.ca yahoo.co.in
  yahoo.co.jp yahoo.co.id yahoo.co.za yahoo.co.il yahoo.com.br yahoo.com.ar yahoo.com.mx yahoo.com.au yahoo.com.tr
  yahoo.ie yahoo.gr yahoo.pl ymail.com rocketmail.com hotmail.com hotmail.fr hotmail.de hotmail.it hotmail.es
  hotmail.co.uk hotmail.be hotmail.nl hotmail.ca hotmail.com.br hotmail.com.tr hotmail.co.jp hotmail.ru outlook.com
  outlook.fr outlook.de outlook.es outlook.it outlook.at outlook.be outlook.com.br outlook.com.au outlook.ie outlook.jp
  outlook.sa live.com live.fr live.de live.nl live.co.uk live.it live.be live.ca live.se live.dk live.com.au live.cn
  msn.com icloud.com me.com mac.com icloud.com.cn aol.com aol.de aol.fr aol.co.uk gmx.de gmx.net gmx.com gmx.at gmx.ch
  gmx.us gmx.fr gmx.eu web.de t-online.de freenet.de arcor.de posteo.de mailbox.org mail.de mail.com email.com email.cz
  mail.ru bk.ru list.ru inbox.ru rambler.ru yandex.ru yandex.com ya.ru yandex.kz qq.com 163.com 126.com 139.com 189.cn
  sina.com sohu.com foxmail.com naver.com daum.net hanmail.net nate.com orange.fr free.fr sfr.fr laposte.net wanadoo.fr
  neuf.fr bbox.fr libero.it virgilio.it tiscali.it alice.it tin.it comcast.net verizon.net att.net sbcglobal.net cox.net
  charter.net bellsouth.net earthlink.net juno.com optonline.net shaw.ca rogers.com sympatico.ca telus.net bigpond.com
  optusnet.com.au iinet.net.au xtra.co.nz btinternet.com sky.com talktalk.net virginmedia.com ntlworld.com ziggo.nl
  kpnmail.nl planet.nl telenet.be skynet.be bluewin.ch hispeed.ch seznam.cz centrum.cz wp.pl o2.pl onet.pl interia.pl
  uol.com.br bol.com.br terra.com.br ig.com.br rediffmail.com fastmail.com fastmail.fm hey.com zoho.com zoho.eu
  zohomail.com zohomail.eu proton.me protonmail.com protonmail.ch pm.me tutanota.com tutanota.de tuta.io tuta.com
  tutamail.com hushmail.com inbox.com mail.ee duck.com privaterelay.appleid.com users.noreply.github.com relay.firefox.com
  acme.com acme.co acme.io mailer.io gmaile.xyz grail.com cloud.com ucloud.com kahoot.com horizon.net tahoe.com life.com
  love.com five.com olive.com key.com zola.com soho.com yoho.io verizon.com att.com comcast.com google.com microsoft.com
  apple.com amazon.com meta.com proton.ch protein.com photon.io lookout.com overlook.com outlet.com hotel.com hotels.com
  hotrail.co webb.com weba.de wab.de gmc.com gm.com gms.com gmbh.de sol.com ao.com me.co hey.co art.net ats.net mail.co
  small.com hail.com tail.com nail.com snail.io main.com maul.io quail.dev yale.edu stanford.edu mit.edu cs.mit.edu
  harvard.edu ox.ac.uk cam.ac.uk ucl.ac.uk ethz.ch epfl.ch tum.de lmu.de uni-heidelberg.de u-tokyo.ac.jp nus.edu.sg
  sydney.edu.au ubc.ca usp.br unam.mx sorbonne-universite.fr polimi.it nhs.net gov.uk parliament.uk europa.eu bund.de
  tree.fr fred.fr strange.fr range.fr grange.fr libera.it laporte.net never.com waver.io company.co startup.ai shop.app
  example.com example.net example.org company.cm ministry.cm oman.om telecom.om radio.cam studio.cam fly.io render.com
  siemens.com bosch.de sap.com volkswagen.de airbus.com orange.com free.org live.nation.com livenation.com gmx-team.com
  mail.example.com gmail.example.com yahoo-inc.com yahooinc.com hotmail.example.org outlook.live.com flashmail.com homemail.com prontomail.com xn--mnchen-3ya.de`;

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

function address(domain: string): Email {
  const email = parseEmail(`ana.lopez+news@${domain}`, (ascii) => ascii);
  return typeof email === 'string' ? email : assert.fail(`${domain} is no domain`);
}

describe('a mistyped domain', () => {
  const pairs = Object.entries(typos).flatMap(([meant, typed]) => words(typed).map((each) => [each, meant]));

  it('is tried in two hundred different forms', () => {
    assert.ok(new Set(pairs.map(([typed]) => typed)).size >= 200, `${pairs.length}`);
    assert.equal(new Set(pairs.map(([typed]) => typed)).size, pairs.length, 'a form stands here twice');
  });

  it('is recognised in at least 95 of 100 forms', () => {
    const missed = pairs.flatMap(([typed = '', meant = '']) => {
      const suggested = suggestAddress(address(typed));
      return suggested === address(meant) ? [] : [`${typed} -> ${suggested ?? 'nothing'}, not ${meant}`];
    });
    const share = 1 - missed.length / pairs.length;
    assert.ok(share >= 0.95, `${(share * 100).toFixed(1)} %; missed:\n${missed.join('\n')}`);
  });

  it('is corrected without touching what stands before the at sign', () => {
    const email = parseEmail("o'hara+x=gmial.com@gmial.com", (ascii) => ascii);
    assert.ok(typeof email === 'string');
    assert.equal(suggestAddress(email), "o'hara+x=gmial.com@gmail.com");
  });

  it('is not corrected twice: a suggestion has no suggestion of its own', () => {
    const restless = pairs.flatMap(([typed = '']) => {
      const suggested = suggestAddress(address(typed));
      return suggested !== undefined && suggestAddress(suggested) !== undefined ? [typed] : [];
    });
    assert.deepEqual(restless, []);
  });
});

describe('a genuine domain', () => {
  it('is tried in a hundred and fifty different ones', () => {
    const domains = words(genuine);
    assert.ok(domains.length >= 150);
    assert.equal(new Set(domains).size, domains.length);
  });

  it('is left alone, however near it is to a better known one', () => {
    const spoilt = words(genuine).flatMap((domain) => {
      const suggested = suggestAddress(address(domain));
      return suggested === undefined ? [] : [`${domain} -> ${suggested}`];
    });
    assert.deepEqual(spoilt, []);
  });

  it('is left alone when it is like no other, whatever it is', () => {
    const label = fc.stringMatching(/^[a-z]{9,20}$/);
    fc.assert(
      fc.property(label, fc.constantFrom('com', 'co', 'de', 'net', 'io', 'fr', 'co.uk'), (name, ending) => {
        assert.equal(suggestAddress(address(`${name}.${ending}`)), undefined);
      }),
    );
  });
});
