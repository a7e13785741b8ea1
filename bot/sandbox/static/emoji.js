// The emoji that messages use by name, as Slack names them.

const NAMES = `+1 👍 -1 👎 thumbsup 👍 thumbsdown 👎 ok_hand 👌 wave 👋 clap 👏 pray 🙏 raised_hands 🙌 muscle 💪
point_right 👉 point_left 👈 point_up ☝️ point_down 👇 eyes 👀 brain 🧠 heart ❤️ broken_heart 💔 fire 🔥 boom 💥
collision 💥 zap ⚡ star ⭐ star2 🌟 sparkles ✨ tada 🎉 confetti_ball 🎊 rocket 🚀 bulb 💡 bell 🔔 no_bell 🔕
mega 📣 loudspeaker 📢 lock 🔒 unlock 🔓 key 🔑 hammer 🔨 wrench 🔧 hammer_and_wrench 🛠️ gear ⚙️ toolbox 🧰
link 🔗 paperclip 📎 pushpin 📌 memo 📝 pencil ✏️ pencil2 ✏️ clipboard 📋 page_facing_up 📄 books 📚 book 📖
bookmark 🔖 mag 🔍 mag_right 🔎 microscope 🔬 test_tube 🧪 alembic ⚗️ petri_dish 🧫 dna 🧬 telescope 🔭
chart_with_upwards_trend 📈 chart_with_downwards_trend 📉 bar_chart 📊 calendar 📅 date 📅 stopwatch ⏱️
timer_clock ⏲️ hourglass ⌛ hourglass_flowing_sand ⏳ alarm_clock ⏰ clock1 🕐 watch ⌚ white_check_mark ✅
heavy_check_mark ✔️ ballot_box_with_check ☑️ x ❌ negative_squared_cross_mark ❎ warning ⚠️ no_entry ⛔
no_entry_sign 🚫 octagonal_sign 🛑 stop_sign 🛑 rotating_light 🚨 sos 🆘 exclamation ❗ heavy_exclamation_mark ❗
question ❓ grey_question ❔ grey_exclamation ❕ interrobang ⁉️ bangbang ‼️ information_source ℹ️ recycle ♻️
red_circle 🔴 large_orange_circle 🟠 large_yellow_circle 🟡 large_green_circle 🟢 large_blue_circle 🔵
large_purple_circle 🟣 white_circle ⚪ black_circle ⚫ large_red_square 🟥 large_green_square 🟩
large_yellow_square 🟨 large_orange_square 🟧 large_blue_square 🟦 white_large_square ⬜ black_large_square ⬛
small_red_triangle 🔺 small_red_triangle_down 🔻 small_orange_diamond 🔸 small_blue_diamond 🔹
arrow_up ⬆️ arrow_down ⬇️ arrow_left ⬅️ arrow_right ➡️ arrow_upper_right ↗️ arrow_lower_right ↘️
arrows_counterclockwise 🔄 arrows_clockwise 🔃 repeat 🔁 arrow_forward ▶️ double_vertical_bar ⏸️
pause_button ⏸️ black_square_for_stop ⏹️ stop_button ⏹️ fast_forward ⏩ rewind ⏪ heavy_plus_sign ➕
heavy_minus_sign ➖ checkered_flag 🏁 triangular_flag_on_post 🚩 white_flag 🏳️ dart 🎯 game_die 🎲 jigsaw 🧩
trophy 🏆 medal 🏅 first_place_medal 🥇 crown 👑 gem 💎 gift 🎁 balloon 🎈 robot_face 🤖 ghost 👻 skull 💀
skull_and_crossbones ☠️ alien 👽 monkey 🐒 monkey_face 🐵 see_no_evil 🙈 hear_no_evil 🙉 bug 🐛 bee 🐝 spider 🕷️
snake 🐍 turtle 🐢 whale 🐳 dolphin 🐬 octopus 🐙 unicorn_face 🦄 dragon 🐉 cat 🐱 dog 🐶 fox_face 🦊 bear 🐻
tiger 🐯 koala 🐨 panda_face 🐼 frog 🐸 chicken 🐔 penguin 🐧 bird 🐦 hatching_chick 🐣 elephant 🐘
seedling 🌱 evergreen_tree 🌲 deciduous_tree 🌳 cactus 🌵 herb 🌿 four_leaf_clover 🍀 mushroom 🍄 sunflower 🌻
sunny ☀️ partly_sunny ⛅ cloud ☁️ rain_cloud 🌧️ thunder_cloud_and_rain ⛈️ tornado 🌪️ cyclone 🌀 snowflake ❄️
rainbow 🌈 ocean 🌊 droplet 💧 earth_africa 🌍 earth_americas 🌎 crescent_moon 🌙 full_moon 🌕 coffee ☕ tea 🍵
beer 🍺 beers 🍻 pizza 🍕 cake 🍰 birthday 🎂 cookie 🍪 doughnut 🍩 apple 🍎 banana 🍌 lemon 🍋 computer 💻
desktop_computer 🖥️ keyboard ⌨️ printer 🖨️ floppy_disk 💾 cd 💿 file_cabinet 🗄️ package 📦 inbox_tray 📥
outbox_tray 📤 envelope ✉️ email 📧 phone ☎️ telephone_receiver 📞 satellite_antenna 📡 electric_plug 🔌
battery 🔋 wastebasket 🗑️ shield 🛡️ crossed_swords ⚔️ bomb 💣 firecracker 🧨 fire_extinguisher 🧯 ambulance 🚑
fire_engine 🚒 police_car 🚓 construction 🚧 building_construction 🏗️ traffic_light 🚦 vertical_traffic_light 🚦
speech_balloon 💬 thought_balloon 💭 thread 🧵 door 🚪 house 🏠 factory 🏭 ferris_wheel 🎡 roller_coaster 🎢
smile 😄 smiley 😃 grinning 😀 grin 😁 joy 😂 sweat_smile 😅 laughing 😆 wink 😉 blush 😊 slightly_smiling_face 🙂
upside_down_face 🙃 innocent 😇 heart_eyes 😍 sunglasses 😎 nerd_face 🤓 thinking_face 🤔 neutral_face 😐
expressionless 😑 no_mouth 😶 rolling_eyes 🙄 smirk 😏 grimacing 😬 relieved 😌 sleepy 😪 sleeping 😴 zzz 💤
mask 😷 face_with_thermometer 🤒 dizzy_face 😵 exploding_head 🤯 face_with_cowboy_hat 🤠 partying_face 🥳
confused 😕 worried 😟 open_mouth 😮 astonished 😲 flushed 😳 cry 😢 sob 😭 scream 😱 disappointed 😞 sweat 😓
weary 😩 rage 😡 angry 😠 poop 💩 hugging_face 🤗 shrug 🤷 facepalm 🤦 salute 🫡 saluting_face 🫡
one 1️⃣ two 2️⃣ three 3️⃣ four 4️⃣ five 5️⃣ six 6️⃣ seven 7️⃣ eight 8️⃣ nine 9️⃣ keycap_ten 🔟 zero 0️⃣ 100 💯 a 🅰️ b 🅱️ ok 🆗 new 🆕
up 🆙 cool 🆒 free 🆓 vs 🆚 hash #️⃣ copyright ©️ tm ™️ infinity ♾️`.split(/\s+/);

const BY_NAME = new Map();
for (let i = 0; i + 1 < NAMES.length; i += 2) BY_NAME.set(NAMES[i], NAMES[i + 1]);

/** The character for a name, or null. Skin tones are left out. */
export function emoji(name) {
  return BY_NAME.get(name.split("::")[0]) ?? null;
}
