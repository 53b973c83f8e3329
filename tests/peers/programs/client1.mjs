// Client of the TypeScript SDK 1: `client1.mjs TRANSPORT TARGET CALL`, TRANSPORT stdio, http or sse; prints what it saw.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [kind, target, call] = process.argv.slice(2);
const [command, ...args] = kind === 'stdio' ? JSON.parse(target) : [];
const transport = {
  stdio: () => new StdioClientTransport({ command, args, env: process.env, stderr: 'inherit' }),
  http: () => new StreamableHTTPClientTransport(new URL(target)),
  sse: () => new SSEClientTransport(new URL(target)),
}[kind]();
const client = new Client({ name: 'peer', version: '1' });
await client.connect(transport);
const tools = (await client.listTools()).tools.map(tool => tool.name).sort();
const result = await client.callTool(JSON.parse(call)).catch(error => ({ code: error.code }));
const unknown = await client.callTool({ name: 'no-such-tool', arguments: {} }).catch(error => ({ code: error.code }));
console.log(JSON.stringify({ tools, result, unknown }));
await client.close();
process.exit(0);
