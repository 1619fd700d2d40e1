// application/vnd.amazon.eventstream: what InvokeWithResponseStream answers with.
//
//   total length u32 | headers' length u32 | crc32 of these | headers | payload | crc32 of it all
//
// A header is: length of the name u8, name, type u8, value. Of the ten types only 7 occurs, a text
// with its length in front (u16). TCP has checked the bytes already; the sums are not counted again.

const PRELUDE = 12;
const SUM = 4;
const TEXT = 7;

// Yield {type, payload} for each whole message that arrives on a ReadableStream.
export async function* frames(stream) {
  let rest = new Uint8Array(0);
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const data = new Uint8Array(rest.length + value.length);
    data.set(rest);
    data.set(value, rest.length);
    let offset = 0;
    while (data.length - offset >= PRELUDE) {
      const view = new DataView(data.buffer, offset);
      const total = view.getUint32(0);
      if (total < PRELUDE + SUM) throw new Error("The event stream is malformed");
      if (data.length - offset < total) break;
      yield message(data.subarray(offset, offset + total), view.getUint32(4));
      offset += total;
    }
    rest = data.slice(offset);
  }
  if (rest.length) throw new Error("The stream broke off in the middle of a message");
}

function message(frame, headersLength) {
  const headers = {};
  const text = new TextDecoder();
  const end = PRELUDE + headersLength;
  for (let at = PRELUDE; at < end; ) {
    const nameEnd = at + 1 + frame[at];
    if (frame[nameEnd] !== TEXT) throw new Error("The event stream has a header of an unknown type");
    const valueEnd = nameEnd + 3 + frame[nameEnd + 1] * 256 + frame[nameEnd + 2];
    headers[text.decode(frame.subarray(at + 1, nameEnd))] = text.decode(frame.subarray(nameEnd + 3, valueEnd));
    at = valueEnd;
  }
  if (headers[":message-type"] !== "event") {
    throw new Error(headers[":error-message"] ?? headers[":exception-type"] ?? "The stream failed");
  }
  return { type: headers[":event-type"], payload: frame.slice(end, -SUM) };
}
