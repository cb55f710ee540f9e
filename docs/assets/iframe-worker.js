// A page of the file system may start no worker. Search then runs in a hidden frame, which speaks as a worker does.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.waiting = [];
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.title = "search";
      this.frame.srcdoc = `<script>
        window.importScripts = (...all) => all.reduce((before, one) => before.then(() => new Promise((done, failed) => {
          const script = document.createElement("script");
          Object.assign(script, {src: one, onload: done, onerror: failed});
          document.body.append(script);
        })), Promise.resolve());
        window.postMessage = (data) => parent.dispatchEvent(new CustomEvent("framed", {detail: data}));
      </script><script src="${new URL(url, document.baseURI)}"></script>`;
      window.addEventListener("framed", (event) => {
        this.dispatchEvent(new MessageEvent("message", { data: event.detail }));
      });
      this.frame.onload = () => {
        this.ready = true;
        this.waiting.splice(0).forEach((data) => this.postMessage(data));
      };
      document.body.append(this.frame);
    }
    postMessage(data) {
      if (!this.ready) return void this.waiting.push(data);
      this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
    }
    terminate() {
      this.frame.remove();
    }
  };
}
