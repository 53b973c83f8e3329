// Findings by kafkajs: OCSF, one line of JSON a record. Needs `npm install kafkajs`.
//
//     node kafkajs_findings.mjs broker:9092
import { Kafka, logLevel } from "kafkajs";

const [bootstrap, most = "0"] = process.argv.slice(2);
const kafka = new Kafka({ brokers: bootstrap.split(","), logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId: "findings-kafkajs" });
let seen = 0;

await consumer.connect();
await consumer.subscribe({ topic: "mcp.alerts.ocsf", fromBeginning: true });
await consumer.run({
  eachMessage: async ({ message }) => {
    const finding = JSON.parse(message.value.toString());
    console.log(finding.finding_info.uid, finding.severity, finding.finding_info.title);
    seen += 1;
    if (seen === Number(most)) setImmediate(() => consumer.disconnect().then(() => process.exit(0)));
  },
});
