// WHEP: offer to receive a picture, get an answer, and say goodbye.

const FIRST = 1000, LONGEST = 15000; // milliseconds between two tries
const SILENT = 6000; // milliseconds without a connection after which another one is tried

/** @typedef {"connecting" | "watching" | "again" | "wrong" | "full_house" | "unsupported" | "left"} State */

/** Watches until it is closed, and tries again when it is interrupted. */
export class Viewer {
  /** @param {string} token @param {HTMLVideoElement} video @param {(state: State) => void} told */
  constructor(token, video, told) {
    this.token = token;
    this.video = video;
    this.told = told;
    this.wait = FIRST;
    this.over = false;
    this.place = "";
    /** @type {RTCPeerConnection | null} */
    this.peer = null;
    this.timer = 0;
    this.begin();
  }

  async begin() {
    this.told("connecting");
    this.drop();
    if (!("RTCPeerConnection" in window)) return this.told("unsupported");
    const peer = new RTCPeerConnection(); // with nobody to ask for a way: this page's server is the way
    this.peer = peer;
    peer.ontrack = (event) => {
      if ("jitterBufferTarget" in event.receiver) event.receiver.jitterBufferTarget = 0; // as early as it can be shown
      this.video.srcObject = new MediaStream([event.track]);
      this.video.play().catch(() => {}); // where it must be asked for, the person presses play
    };
    peer.onconnectionstatechange = () => {
      if (peer !== this.peer) return;
      if (peer.connectionState === "connected") {
        this.wait = FIRST;
        this.told("watching");
      } else if (["failed", "disconnected", "closed"].includes(peer.connectionState)) this.again("again");
    };
    try {
      peer.addTransceiver("video", { direction: "recvonly" });
      const offer = await peer.createOffer();
      await peer.setLocalDescription(offer);
      const answer = await fetch("whep", { method: "POST", body: offer.sdp, headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${this.token}` } });
      if (peer !== this.peer) return;
      if (answer.status === 401) return this.end("wrong");
      if (answer.status === 400) return this.end("unsupported");
      if (!answer.ok) return this.again(answer.status === 503 ? "full_house" : "again");
      this.place = answer.headers.get("Location") ?? "";
      await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
      this.timer = window.setTimeout(() => peer.connectionState !== "connected" && this.again("again"), SILENT);
    } catch {
      if (peer === this.peer) this.again("again");
    }
  }

  /** Try again in a while. @param {State} why */
  again(why) {
    if (this.over) return;
    this.told(why);
    this.drop();
    this.timer = window.setTimeout(() => this.begin(), this.wait);
    this.wait = Math.min(2 * this.wait, LONGEST);
  }

  /** Watch no longer. @param {State} [why] */
  end(why = "left") {
    this.over = true;
    this.drop();
    this.video.srcObject = null;
    this.told(why);
  }

  drop() {
    clearTimeout(this.timer);
    const { peer, place } = this;
    this.peer = null;
    this.place = "";
    peer?.close();
    if (place) fetch(place, { method: "DELETE", keepalive: true, headers: { Authorization: `Bearer ${this.token}` } }).catch(() => {});
  }
}
