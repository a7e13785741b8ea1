// The live feed, with reconnection: after every reconnection the page starts from the state anew.

/** Follow the feed; `opened` loads the state, and changes wait until it has. */
export function follow({ opened, changed, lost }) {
  let wait = 250;
  function connect() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/page/live`);
    let waiting = [];
    socket.addEventListener("message", async (event) => {
      const change = JSON.parse(event.data);
      if (change.type !== "hello") {
        if (waiting) waiting.push(change);
        else changed(change);
        return;
      }
      try {
        await opened();
      } catch (error) {
        console.error(error);
        socket.close();
        return;
      }
      wait = 250;
      const held = waiting;
      waiting = null;
      held.forEach(changed);
    });
    socket.addEventListener("close", () => {
      lost();
      setTimeout(connect, wait);
      wait = Math.min(wait * 2, 4000);
    });
  }
  connect();
}
