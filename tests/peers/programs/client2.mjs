// Client of the TypeScript SDK 2: `client2.mjs MODE TARGET CALL`, TARGET a URL or a command as JSON; prints what it saw.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const [mode, target, call] = process.argv.slice(2);
const [command, ...args] = target.startsWith('[') ? JSON.parse(target) : [];
const transport = command
  ? new StdioClientTransport({ command, args, env: process.env, stderr: 'inherit' })
  : new StreamableHTTPClientTransport(new URL(target));
const client = new Client({ name: 'peer', version: '1' }, { versionNegotiation: { mode } });
await client.connect(transport);
const tools = (await client.listTools()).tools.map(tool => tool.name).sort();
const result = await client.callTool(JSON.parse(call)).catch(error => ({ code: error.code }));
const unknown = await client.callTool({ name: 'no-such-tool', arguments: {} }).catch(error => ({ code: error.code }));
console.log(JSON.stringify({ version: client.getNegotiatedProtocolVersion?.(), tools, result, unknown }));
await client.close();
process.exit(0);
