// Server of the TypeScript SDK 2, for both eras: on stdio, or with `http` as Streamable HTTP; then it prints its URL.
import { createServer } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { McpServer, createMcpHandler, fromJsonSchema } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';

const inputSchema = fromJsonSchema({ type: 'object', properties: { text: { type: 'string' } }, required: ['text'] });
const build = () => {
  const server = new McpServer({ name: 'peer', version: '1' }, { capabilities: { tools: {} } });
  server.registerTool('echo', { description: 'Says it again.', inputSchema }, async ({ text }) => ({
    content: [{ type: 'text', text: `heard ${text}` }],
  }));
  return server;
};

if (process.argv[2] === 'http') {
  const listener = createServer(toNodeHandler(createMcpHandler(build)));
  listener.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${listener.address().port}/mcp`));
} else {
  serveStdio(build);
}
