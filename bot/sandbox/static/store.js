// What the page knows: the state it loaded, and every change since.

export const store = {
  user: sessionStorage.getItem("sandbox-user") ?? "",
  place: { kind: "channel", channel: "", thread: "" }, // or kind "app" with tab "home" or "messages"
  ready: false, seq: 0, users: new Map(), people: [], groups: new Map(), commands: [], shortcuts: [],
  channels: new Map(), messages: new Map(), ephemerals: new Map(), views: [], home: null, sockets: 0, requestUrl: "", controls: [],
  commanded: null, unread: new Set(), team: { name: "" }, app: {},
};

/** Ask the door; throws with Slack's error code when it refuses. */
export async function ask(name, body) {
  const answer = body === undefined
    ? await fetch(`/page/api/${name}`)
    : await fetch(`/page/api/${name}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ user: store.user, ...body }) });
  const given = await answer.json();
  if (given.error && name !== "submit") throw new Error(given.error);
  return given;
}

/** Load everything for the present user. */
export async function load() {
  const state = await ask(`state?user=${encodeURIComponent(store.user)}`);
  if (!state.people.includes(store.user)) {
    store.user = state.people[0];
    return load();
  }
  Object.assign(store, {
    ready: true, seq: state.seq, people: state.people, commands: state.commands, shortcuts: state.shortcuts, views: state.views,
    home: state.home, sockets: state.sockets, requestUrl: state.request_url, controls: state.controls, commanded: state.commanded, team: state.team, app: state.app,
    users: new Map(state.users.map((user) => [user.id, user])),
    groups: new Map(state.groups.map((group) => [group.id, group])),
    channels: new Map(state.channels.map((channel) => [channel.id, channel])),
    messages: new Map(Object.entries(state.messages).map(([id, list]) => [id, new Map(list.map((message) => [message.ts, message]))])),
    ephemerals: new Map(state.ephemerals.map((message) => [message.ts, message])),
  });
}

/** Take one change of the feed; what it touched, or null if it says nothing new to this user. */
export function take(change) {
  if (change.seq <= store.seq) return null;
  store.seq = change.seq;
  const own = change.user === store.user;
  switch (change.type) {
    case "message": {
      const messages = store.messages.get(change.channel);
      if (!messages) return null;
      const isNew = !messages.has(change.message.ts);
      messages.set(change.message.ts, change.message);
      return { messages: change.channel, added: isNew ? change.message : null };
    }
    case "deleted":
      store.messages.get(change.channel)?.delete(change.ts);
      return { messages: change.channel };
    case "ephemeral": {
      if (!own) return null;
      const isNew = !store.ephemerals.has(change.message.ts);
      store.ephemerals.set(change.message.ts, change.message);
      return { messages: change.message.channel, added: isNew ? change.message : null };
    }
    case "ephemeral_removed":
      return own && store.ephemerals.delete(change.ts) ? { messages: "*" } : null;
    case "channel":
      if (change.channel.user !== store.user) return null;
      store.channels.set(change.channel.id, change.channel);
      store.messages.set(change.channel.id, new Map());
      return { sidebar: true };
    case "views":
      if (!own) return null;
      store.views = change.views;
      return { views: true };
    case "home":
      if (!own) return null;
      store.home = change.view;
      return { home: true };
    case "sockets":
      store.sockets = change.count;
      store.requestUrl = change.request_url ?? store.requestUrl;
      return { sidebar: true, messages: "*" };
    case "control":
      store.controls = store.controls.map((control) => (control.id === change.control.id ? change.control : control));
      return { controls: true };
    case "person":
      store.users.set(change.person.id, change.person);
      return { sidebar: true };
    case "group":
      store.groups.set(change.group.id, change.group);
      return { messages: "*" };
    case "command":
      if (own) store.commanded = change;
      return null;
    case "action_failed":
      return own ? { failed: change } : null;
    default:
      return null;
  }
}

/** What stands in a channel (or in a thread of it), ephemerals among it, in order. */
export function listed(channel, thread = "") {
  const all = [...(store.messages.get(channel)?.values() ?? [])];
  const isReply = (message) => message.thread_ts && message.thread_ts !== message.ts;
  const visible = thread
    ? all.filter((message) => message.ts === thread || message.thread_ts === thread)
    : all.filter((message) => !isReply(message) || message.subtype === "thread_broadcast");
  const whispers = [...store.ephemerals.values()].filter((message) => message.channel === channel && (message.thread_ts ?? "") === thread);
  return [...visible, ...whispers].sort((a, b) => (a.ts < b.ts ? -1 : 1));
}

/** A message by channel and ts, ephemeral or not. */
export function messageAt(channel, ts) {
  return store.ephemerals.get(ts) ?? store.messages.get(channel)?.get(ts);
}

/** The direct messages with the app, once there are any. */
export function directChannel() {
  return [...store.channels.values()].find((channel) => channel.is_im)?.id ?? "";
}

/** A user's name. */
export function nameOf(user) {
  return store.users.get(user)?.name ?? user;
}
