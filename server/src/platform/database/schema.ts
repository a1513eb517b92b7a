import type { Kysely } from 'kysely';

/** Instants are integers, milliseconds since 1970; JSON is text; booleans are 0 and 1: the same on both engines. */
export interface Schema {
  settings: { name: string; value: string; updated_at: number };
  events: {
    id: string;
    type: string;
    at: number;
    attempt_id: string | null;
    user_id: string | null;
    client_id: string | null;
    session_id: string | null;
    data: string;
    /** 1 while somebody outside is still to hear of it. */
    fan: number | null;
  };
  limits: { key: string; uses: string; expires_at: number };
  outbox: {
    id: string;
    kind: string;
    attempt_id: string | null;
    recipient: string;
    state: string;
    tries: number;
    due_at: number;
    not_after: number;
    created_at: number;
    updated_at: number;
    reason: string | null;
    provider_id: string | null;
    provider_message_id: string | null;
    delivery: string | null;
    delivery_at: number | null;
  };
  mail_providers: {
    id: string;
    kind: string;
    name: string;
    position: number;
    enabled: number;
    options: string;
    sealed: string;
    domains: string;
    created_at: number;
    updated_at: number;
  };
  mail_reports: {
    id: string;
    outbox_id: string | null;
    provider_id: string;
    state: string;
    detail: string;
    at: number;
    received_at: number;
  };
  suppressions: { email: string; provider_id: string; reason: string; since: number };
  templates: {
    id: string;
    kind: string;
    locale: string;
    client_id: string;
    version: number;
    active: number;
    parts: string;
    created_at: number;
  };
  users: {
    id: string;
    email: string;
    status: string;
    created_at: number;
    updated_at: number;
    last_sign_in_at: number | null;
    external_id: string | null;
    profile: string | null;
    metadata: string | null;
    /** What a search looks in, in small letters; null: the address alone. */
    search: string | null;
  };
  clients: {
    id: string;
    name: string;
    public: number;
    redirect_uris: string;
    post_logout_redirect_uris: string;
    initiate_login_uri: string | null;
    require_pkce: number;
    id_token_alg: string;
    branding: string | null;
    kind: string | null;
    back_channel_logout_uris: string | null;
    grant_types: string | null;
    access_token_seconds: number | null;
    api_access: number | null;
    first_party: number | null;
    created_at: number;
    updated_at: number;
  };
  client_secrets: {
    id: string;
    client_id: string;
    hash: string;
    suffix: string;
    created_at: number;
    expires_at: number | null;
    inactive: number | null;
  };
  logos: { id: string; type: string; bytes: string; created_at: number };
  attempts: {
    id: string;
    interaction_hash: string;
    interaction_sealed: string;
    generation: number;
    browser_hash: string;
    client_id: string;
    email: string;
    state: string;
    mails: number;
    mailed_at: string | null;
    wrong_guesses: string;
    proved_by: string | null;
    proved_at: number | null;
    settled_at: number | null;
    disowned_at: number | null;
    user_id: string | null;
    links_only: number;
    code_length: number | null;
    requester: string;
    request: string | null;
    session_id: string | null;
    flow: string | null;
    headless: string | null;
    created_at: number;
    expires_at: number;
  };
  attempt_mails: {
    id: string;
    attempt_id: string;
    step: number;
    code_hash: string | null;
    link_hash: string | null;
    sealed_code: string | null;
    disown_hash: string | null;
    created_at: number;
    expires_at: number;
  };
  sessions: {
    id: string;
    user_id: string;
    created_at: number;
    updated_at: number;
    last_active_at: number;
    idle_expires_at: number;
    absolute_expires_at: number;
    ended_at: number | null;
    ended_as: string | null;
    device: string;
    clients: string;
    claims: string | null;
  };
  webhook_endpoints: {
    id: string;
    url: string;
    description: string;
    types: string;
    enabled: number;
    secrets: string;
    created_at: number;
    updated_at: number;
    failing_since: number | null;
    reach: string | null;
  };
  deliveries: {
    id: string;
    kind: string;
    target_id: string;
    event_id: string;
    event_type: string;
    body: string;
    state: string;
    tries: number;
    due_at: number;
    not_after: number;
    log: string;
    created_at: number;
    updated_at: number;
  };
  interceptors: {
    id: string;
    kind: string;
    url: string;
    secrets: string;
    timeout_ms: number;
    on_failure: string;
    reach: string | null;
    enabled: number;
    created_at: number;
    updated_at: number;
  };
  oidc_records: {
    id_hash: string;
    kind: string;
    uid_hash: string | null;
    grant_id: string | null;
    account_id: string | null;
    payload: string;
    consumed_at: number | null;
    replay: string | null;
    expires_at: number;
  };
  signing_keys: {
    kid: string;
    alg: string;
    state: string;
    sealed: string;
    created_at: number;
    expires_at: number | null;
  };
}

/** A handle on which one runs queries: inside `write`, one transaction; inside `read`, none. */
export type Queries = Kysely<Schema>;
