import { constants, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { SECOND } from '../../core/units.ts';

/** How long HTTP/2 connections may take and be idle, in milliseconds. */
export interface SessionTimes {
  /** Until the client has told its settings. */
  readonly settingsWithin: number;
  /** Until all of a request is there. */
  readonly requestWithin: number;
  /** Without any request under way. */
  readonly idle: number;
}

/**
 * What one connection may cost, where Node's own limits are wider. A client that opens streams and resets them
 * at once (CVE-2023-44487), or sends headers without end (CVE-2024-27983), loses its connection.
 */
export const SESSION_LIMITS = {
  settings: { maxConcurrentStreams: 100, maxHeaderListSize: 16 * 1024, enablePush: false },
  maxHeaderListPairs: 128,
  maxSessionMemory: 4,
  maxSettings: 16,
  maxSessionInvalidFrames: 50,
  maxSessionRejectedStreams: 50,
  streamResetBurst: 200,
  streamResetRate: 20,
};

/** Watches the sessions of a server. `closeAll` lets the requests under way finish and takes no new ones. */
export function watchSessions(server: Http2Server, times: SessionTimes): { closeAll(): void } {
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    endSilent(session, times.settingsWithin);
    endIdle(session, times);
  });
  return {
    closeAll: () => {
      for (const session of sessions) session.close();
    },
  };
}

function endSilent(session: ServerHttp2Session, within: number): void {
  const timer = setTimeout(() => session.destroy(), within);
  const stop = () => clearTimeout(timer);
  session.once('remoteSettings', stop).once('close', stop);
}

/** Frames that open no stream keep nothing alive: pings, or the headers of a request that never end. */
function endIdle(session: ServerHttp2Session, times: SessionTimes): void {
  let open = 0;
  const wait = () => setTimeout(() => session.close(), times.idle);
  let timer = wait();
  session.on('stream', (stream: ServerHttp2Stream) => {
    open += 1;
    clearTimeout(timer);
    endSlow(stream, times.requestWithin);
    stream.once('close', () => {
      open -= 1;
      if (open === 0 && !session.closed) timer = wait();
    });
  });
  session.once('close', () => clearTimeout(timer));
}

function endSlow(stream: ServerHttp2Stream, within: number): void {
  if (stream.endAfterHeaders) return;
  const closeAs = (code: number) => () => stream.close(code);
  let timer = setTimeout(closeAs(constants.NGHTTP2_CANCEL), within);
  const stop = () => clearTimeout(timer);
  stream.once('end', stop).once('close', stop);
  stream.once('finish', () => {
    stop();
    if (stream.readableEnded) return;
    stream.resume();
    timer = setTimeout(closeAs(constants.NGHTTP2_NO_ERROR), ANSWERED_FOR);
  });
}

/** A request that was answered before all of it was here: what may be on its way is let in, then no more (RFC 9113 8.1). */
const ANSWERED_FOR = SECOND;
