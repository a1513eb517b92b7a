import { type DescMethodUnary, getOption } from '@bufbuild/protobuf';
import { http } from '../../../generated/google/api/annotations_pb.js';
import type { HttpRule } from '../../../generated/google/api/http_pb.js';
import type { Rpc } from './rpcs.ts';

/** A method at an address of REST, as its `google.api.http` annotation says. */
export interface RestRoute {
  readonly rpc: Rpc;
  readonly verb: string;
  readonly pattern: RegExp;
  /** The fields that the groups of the pattern are, by their names in the proto file. */
  readonly variables: readonly string[];
  /** The field that the body is, `*` for the whole request, empty for none. */
  readonly body: string;
  /** How much of the address is no variable. */
  readonly fixed: number;
}

/** Every address of every method; those with more that is fixed come first. */
export function restRoutes(rpcs: readonly Rpc[]): RestRoute[] {
  const routes = rpcs.flatMap((rpc) => rulesOf(rpc.method).map((rule) => routeOf(rpc, rule)));
  return routes.toSorted((one, other) => other.fixed - one.fixed);
}

function rulesOf(method: DescMethodUnary): HttpRule[] {
  const rule = getOption(method, http);
  return [rule, ...rule.additionalBindings].filter(({ pattern }) => pattern.case !== undefined);
}

function routeOf(rpc: Rpc, { pattern, body }: HttpRule): RestRoute {
  const template = pattern.value ?? '';
  const variables = [...template.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const parts = template.split(/\{\w+\}/);
  const source = parts.map(RegExp.escape).join('([^/]+)');
  const verb = (pattern.case ?? '').toUpperCase();
  const fixed = parts.join('').length;
  return { rpc, verb, pattern: new RegExp(`^${source}$`), variables, body, fixed };
}

/** The method that a request is for, with the values that stand in its path. */
export function findRoute(
  routes: readonly RestRoute[],
  asked: { verb: string; path: string },
): { route: RestRoute; values: string[] } | undefined {
  for (const route of routes) {
    const found = route.verb === asked.verb ? route.pattern.exec(asked.path) : null;
    if (found) return { route, values: found.slice(1) };
  }
  return undefined;
}
