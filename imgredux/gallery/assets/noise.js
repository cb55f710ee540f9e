"use strict";
/* A photograph with noise of a map's shape, by one shader: image + factor * map * sign, as imgredux.inject has it. */

const NOISE = (() => {
  const VERTEX = `#version 300 es
in vec2 corner;
void main() { gl_Position = vec4(corner, 0.0, 1.0); }`;

  const FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
uniform sampler2D photo, signs, mapA, mapB;
uniform float factorA, factorB, topA, topB;   // 0: without noise; top: grey levels of a map's largest value
uniform ivec2 place, origin, shift, size;     // of the viewport on the canvas, of its part of the photograph, of signs
uniform int height, cut, mode, dithered;
uniform uint seed;
out vec4 color;

float uniformly(ivec2 at) {  // in [0, 1), the same for a pixel within a trial
  uint h = uint(at.x) * 0x9E3779B1u ^ uint(at.y) * 0x85EBCA77u ^ seed * 0xC2B2AE3Du;
  h ^= h >> 15; h *= 0x2C1B3C6Du; h ^= h >> 12; h *= 0x297A2D39u; h ^= h >> 15;
  return float(h >> 16) / 65536.0;  // 255 and it are still a float: more digits would round up to the next level
}

void main() {
  ivec2 on = ivec2(gl_FragCoord.xy) - place;
  on.y = height - 1 - on.y;
  ivec2 at = on + origin;
  bool left = on.x < cut;
  float stored = left ? texelFetch(mapA, at, 0).r : texelFetch(mapB, at, 0).r, top = left ? topA : topB;
  float factor = left ? factorA : factorB;
  float jnd = stored * stored * top;
  ivec2 from = ivec2((at.x + shift.x) % size.x, (at.y + shift.y) % size.y);
  float sign = texelFetch(signs, from, 0).r > 0.5 ? 1.0 : -1.0;
  vec3 levels = floor(texelFetch(photo, at, 0).rgb * 255.0 + 0.5);
  vec3 noisy = clamp(levels + factor * jnd * sign, 0.0, 255.0);
  noisy = floor(noisy + (dithered == 1 ? uniformly(at) : 0.5));
  vec3 shown = mode == 1 ? 6.0 * abs(noisy - levels) : mode == 2 ? vec3(factor * jnd * 8.0) : noisy;
  color = vec4(min(shown, 255.0) / 255.0, 1.0);
}`;

  const load = async (source) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    return image;
  };

  class Noise {
    constructor(canvas) {
      this.canvas = canvas;
      const gl = this.gl = canvas.getContext("webgl2", { alpha: false, antialias: false, preserveDrawingBuffer: true });
      if (!gl) throw new Error("This browser has no WebGL 2: noise cannot be shown.");
      const program = this.program = gl.createProgram();
      for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
        const shader = gl.createShader(kind);
        gl.shaderSource(shader, text);
        gl.compileShader(shader);
        if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
        gl.attachShader(program, shader);
      }
      gl.linkProgram(program);
      gl.useProgram(program);
      gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
      gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
      const corner = gl.getAttribLocation(program, "corner");
      gl.enableVertexAttribArray(corner);
      gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
      gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
      ["photo", "signs", "mapA", "mapB"].forEach((name, unit) => gl.uniform1i(this.at(name), unit));
    }

    at(name) { return this.gl.getUniformLocation(this.program, name); }

    texture(image) {
      const gl = this.gl, made = gl.createTexture();
      gl.activeTexture(gl.TEXTURE7);
      gl.bindTexture(gl.TEXTURE_2D, made);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, image);
      for (const key of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, key, gl.NEAREST);
      return made;
    }

    /** Take a photograph and its maps; what was there before is let go. */
    async take(photo) {
      for (const one of Object.values(this.textures ?? {})) this.gl.deleteTexture(one);
      const [image, signs, ...maps] = await Promise.all([photo.original, photo.signs, ...photo.maps.map(one => one.image)].map(load));
      this.photo = photo;
      this.textures = { photo: this.texture(image), signs: this.texture(signs) };
      this.tops = {};
      photo.maps.forEach((one, n) => { this.textures[`map ${one.method}`] = this.texture(maps[n]); this.tops[one.method] = one.top; });
    }

    size(width, height) {
      this.canvas.width = width;
      this.canvas.height = height;
      const ratio = window.devicePixelRatio || 1;  // a pixel of the photograph is one of the screen
      this.canvas.style.width = `${width / ratio}px`;
      this.canvas.style.height = `${height / ratio}px`;
    }

    /** Draw a rectangle of the photograph at a place of the canvas; a, b: {method, factor}, left and right of the cut. */
    draw({ a, b, cut = 0, mode = 0, place = [0, 0], origin = [0, 0], size = null, shift = [0, 0], seed = null }) {
      const gl = this.gl, { width, height } = this.photo, [w, h] = size ?? [width, height];
      const bottom = this.canvas.height - place[1] - h;
      gl.viewport(place[0], bottom, w, h);
      const bound = [this.textures.photo, this.textures.signs,
        ...[a, b].map(one => this.textures[`map ${one.method}`] ?? this.textures.photo)];
      bound.forEach((texture, unit) => { gl.activeTexture(gl.TEXTURE0 + unit); gl.bindTexture(gl.TEXTURE_2D, texture); });
      for (const [name, one] of [["A", a], ["B", b]]) {
        gl.uniform1f(this.at(`factor${name}`), one.method ? one.factor : 0);
        gl.uniform1f(this.at(`top${name}`), this.tops[one.method] ?? 0);
      }
      gl.uniform2i(this.at("place"), place[0], bottom);
      gl.uniform2i(this.at("origin"), ...origin);
      gl.uniform2i(this.at("shift"), ...shift);
      gl.uniform2i(this.at("size"), width, height);
      for (const [name, value] of [["height", h], ["cut", cut], ["mode", mode], ["dithered", seed === null ? 0 : 1]])
        gl.uniform1i(this.at(name), value);
      gl.uniform1ui(this.at("seed"), seed ?? 0);
      gl.enable(gl.SCISSOR_TEST);
      gl.scissor(place[0], bottom, w, h);
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    }

    /** All of the canvas in one grey. */
    blank(level) {
      const gl = this.gl;
      gl.disable(gl.SCISSOR_TEST);
      gl.clearColor(level / 255, level / 255, level / 255, 1);
      gl.clear(gl.COLOR_BUFFER_BIT);
    }
  }

  return { Noise, load };
})();
