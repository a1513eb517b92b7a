import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError, createClient, createRouterTransport } from '@connectrpc/connect';
import { ErrorInfoSchema } from '../../generated/scalekit/v1/errdetails/errdetails_pb.js';
import { OrganizationService } from '../../generated/scalekit/v1/organizations/organizations_pb.js';
import { failureOf, toRestError } from '../../src/api/rpc/failure.ts';
import { forConnect, rpcsOf } from '../../src/api/rpc/rpcs.ts';
import { Problem, type ProblemCode, problems } from '../../src/core/problems.ts';

const logged: unknown[] = [];
beforeEach(() => void logged.splice(0));
const log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (...entry: unknown[]) => void logged.push(entry),
};

/** A client of one method that does `work`. */
function clientOf(work: () => Promise<void>) {
  const rpcs = rpcsOf(OrganizationService, {
    listOrganization: async () => {
      await work();
      return { totalSize: 7 };
    },
  });
  const transport = createRouterTransport((router) => {
    for (const { method, run } of rpcs.map((rpc) => forConnect(rpc, log))) router.rpc(method, run);
  });
  return createClient(OrganizationService, transport);
}

async function refusalOf(work: () => Promise<void>, options = {}): Promise<ConnectError> {
  const failure: unknown = await clientOf(work)
    .listOrganization({}, options)
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  assert.ok(failure instanceof ConnectError);
  return failure;
}

describe('a method that fails', () => {
  it('says nothing of a fault of ours but the id under which the log has it', async () => {
    const failure = await refusalOf(async () => {
      throw new Error('the secret is 1234');
    });
    assert.equal(failure.code, Code.Internal);
    assert.doesNotMatch(failure.message, /1234/);
    const [info] = failure.findDetails(ErrorInfoSchema);
    assert.equal(info?.errorCode, 'INTERNAL_ERROR');
    assert.doesNotMatch(JSON.stringify(info), /1234|node:|\.ts/);
    assert.match(JSON.stringify(logged), /a call of the API failed/);
  });

  it('throws what is no error at all without more being said', async () => {
    const failure = await refusalOf(() => Promise.reject('1234'));
    assert.equal(failure.code, Code.Internal);
    assert.doesNotMatch(failure.message, /1234/);
  });

  it('is not logged where the caller is at fault', async () => {
    await refusalOf(async () => {
      throw new Problem('user_not_found', 'No user has this id.');
    });
    assert.deepEqual(logged, []);
  });

  it('names the fields at fault', async () => {
    const violations = [{ field: 'email', description: 'is no address', constraint: 'email' }];
    const failure = await refusalOf(async () => {
      throw new Problem('validation_failed', 'email is no address.', { violations });
    });
    const [info] = failure.findDetails(ErrorInfoSchema);
    const told = info?.validationErrorInfo?.fieldViolations.map(({ field, constraint }) => ({
      field,
      constraint,
    }));
    assert.deepEqual(told, [{ field: 'email', constraint: 'email' }]);
  });
});

describe('a deadline', () => {
  it('that has passed ends the call, not the work', async () => {
    let done = false;
    const work = async () => {
      await sleep(120);
      done = true;
    };
    const failure = await refusalOf(work, { timeoutMs: 40 });
    assert.equal(failure.code, Code.DeadlineExceeded);
    await sleep(150);
    assert.equal(done, true);
    assert.deepEqual(logged, []);
  });

  it('that has not passed changes nothing', async () => {
    const { totalSize } = await clientOf(() => sleep(10)).listOrganization({}, { timeoutMs: 5000 });
    assert.equal(totalSize, 7);
  });
});

describe('every code of a refusal', () => {
  const codes = Object.keys(problems) as ProblemCode[];

  it('has a code of gRPC that fits its status', () => {
    const fits: Record<number, number[]> = {
      400: [3, 9],
      401: [3, 16],
      403: [7],
      404: [5],
      409: [6],
      429: [8],
      500: [13],
      501: [12],
      503: [14],
    };
    for (const code of codes) {
      const told = failureOf(new Problem(code, 'x'), 'req_1');
      assert.ok((fits[told.status] ?? [3]).includes(told.code), `${code}: ${told.status} is ${told.code}`);
    }
  });

  it('but one never says that a new token would help, and none that its caller is at a tool', () => {
    const told = codes.map((code) => ({ code, failure: failureOf(new Problem(code, 'x'), 'req_1') }));
    const asking = told
      .filter(({ failure }) => failure.code === Code.Unauthenticated)
      .map(({ code }) => code);
    assert.deepEqual(asking, ['unauthenticated']);
    assert.deepEqual(
      told.filter(({ failure }) => failure.info.errorCode === 'TOOL_ERROR'),
      [],
    );
  });

  it('is in REST what it is in gRPC', () => {
    const told = toRestError(failureOf(new Problem('too_many_attempts', 'too many attempts'), 'req_1'));
    assert.equal(told.code, 8);
    assert.match(JSON.stringify(told), /errdetails\.ErrorInfo","error_code":"TOO_MANY_ATTEMPTS"/);
  });
});
