import { brandingCommands } from './branding.ts';
import { clientCommands } from './clients/client.ts';
import type { Command } from './command.ts';
import { devCommand } from './dev.ts';
import { doctorCommand } from './doctor.ts';
import { keysCommands } from './keys.ts';
import { deliveryCommands } from './mail/delivery.ts';
import { providerCommands } from './mail/provider.ts';
import { migrateCommand } from './migrate.ts';
import { interceptorCommands } from './outgoing/interceptor.ts';
import { webhookCommands } from './outgoing/webhook.ts';
import { sessionCommands } from './people/session.ts';
import { userCommands } from './people/user.ts';
import { serveCommand } from './serve.ts';
import { settingsCommands } from './settings.ts';
import { templateCommands } from './template.ts';

/** Every command by the words that call it, in the order of the help. */
export const commands: Readonly<Record<string, Command>> = {
  dev: devCommand,
  serve: serveCommand,
  migrate: migrateCommand,
  ...clientCommands,
  ...settingsCommands,
  ...brandingCommands,
  ...templateCommands,
  ...userCommands,
  ...sessionCommands,
  ...keysCommands,
  ...providerCommands,
  ...deliveryCommands,
  ...webhookCommands,
  ...interceptorCommands,
  doctor: doctorCommand,
};
