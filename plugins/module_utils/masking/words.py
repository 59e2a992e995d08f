# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Words that pseudonyms are made of, by locale. Written by tests/generate_words.py from Faker's data: do not edit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """The lists of one locale; `house_number` is (before the number, after it, whether the street comes first)."""

    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    cities: tuple[str, ...]
    streets: tuple[str, ...]
    companies: tuple[str, ...]
    house_number: tuple[str, str, bool]


def _split(text: str) -> tuple[str, ...]:
    return tuple(" ".join(word.split()) for word in text.split("|"))


WORDS: dict[str, Words] = {
    "en_IN": Words(
        first_names=_split(
            """
            Aadi | Aarav | Abdul | Abeer | Advaith | Advay | Advik | Advika | Adweta | Adya | Agastya | Akshay |
            Alexander | Alka | Amrita | Amruta | Anamika | Anay | Anthony | Aradhana | Arin | Arjun | Arya | Aryan |
            Atharv | Ayushman | Bachittar | Baghyawati | Bahadurjit | Bakhshi | Balendra | Balhaar | Balvan | Balveer |
            Barkha | Benjamin | Bhavika | Bhavna | Bhavya | Bimala | Bishakha | Brijesh | Chaitanya | Chameli |
            Chandresh | Charita | Charvi | Chatura | Chavvi | Christopher | Dalaja | Damyanti | Daniel | Darika | Darsh
            | Dayamai | Deepa | Dhriti | Ekaja | Ekalinga | Ekantika | Ekaraj | Ekavir | Ekta | Elijah | Eshana | Eta |
            Falan | Faraj | Fitan | Fiyaz | Frederick | Gabriel | Gagan | Ganga | Garima | Gaurangi | Gaurav | Gauri |
            Gaurika | Geetika | George | Gunbir | Guneet | Hamsini | Harinakshi | Harini | Harish | Harita | Harshil |
            Hemang | Hemangini | Hitesh | Hritik | Ikbal | Inaya | Indrajit | Ira | Irya | Isaac | Ishaan | Ishanvi |
            Jack | Jacob | Jagat | Jai | Janani | Januja | Jasmit | Jason | Jonathan | Jyoti | Kabir | Kai | Kala |
            Kashish | Kashvi | Keya | Kiaan | Krish | Krishna | Kritika | Ladli | Lajita | Lakshit | Leela | Leena |
            Libni | Lila | Lohit | Lopa | Lucky | Luke | Maanav | Madhavi | Manan | Manthan | Meera | Meghana | Mohammed
            | Mohini | Naksh | Nathan | Neel | Neha | Netra | Niharika | Nikita | Nimrat | Nirja | Nisha | Noah | Ojas |
            Omaja | Omisha | Omya | Oni | Oscar | Oviya | Pallavi | Panini | Parth | Patrick | Pavani | Peter | Pranav |
            Prisha | Priya | Qadim | Qarin | Qasim | Qushi | Raagini | Rachit | Radha | Rajeshri | Rehaan | Reyansh |
            Ria | Rishi | Riya | Ronith | Rudra | Rushil | Ryan | Saanvi | Sachi | Saksham | Samaksh | Samarth | Sanaya
            | Sanya | Sarthak | Saumya | Shivani | Shivansh | Siddharth | Simon | Sneha | Tamanna | Tarak | Teerth |
            Timothy | Tristan | Triveni | Ubika | Unni | Upadhriti | Urishilla | Urvashi | Vaishnavi | Vamakshi | Vansha
            | Vasatika | Veda | Vedika | Victor | Vidhi | Vinaya | Viraj | Vrinda | Vyanjana | Wakeeta | Warda |
            Warinder | William | Wishi | Xalak | Yadavi | Yagnesh | Yash | Yashica | Yashoda | Yatin | Yauvani | Yoshita
            | Yutika | Zarna | Zayan | Zehaan
            """
        ),
        last_names=_split(
            """
            Acharya | Agarwal | Agate | Ahluwalia | Ahuja | Anne | Apte | Arora | Arya | Atwal | Aurora | Badal | Bahri
            | Bail | Bains | Bajaj | Bajwa | Bakshi | Bal | Balakrishnan | Balan | Balasubramanian | Bali | Bandi |
            Banerjee | Banik | Bansal | Barad | Baral | Barman | Basak | Basu | Bedi | Bhagat | Bhakta | Bhargava | Bhat
            | Bhatnagar | Bhavsar | Boase | Bobal | Bora | Borde | Bose | Butala | Chacko | Chada | Chadha | Chahal |
            Chakraborty | Chanda | Chandran | Char | Chatterjee | Chaudhari | Chaudhry | Chauhan | Chawla | Cheema |
            Cherian | Chhabra | Chokshi | Chopra | Choudhry | Choudhury | Chowdhury | Comar | Dada | Dalal | Dani | Dara
            | Das | Date | Dave | Dayal | Deep | Deol | Desai | Deshpande | Devi | Dhaliwal | Dhar | Dhillon | Din |
            Dixit | Dua | Dubey | Dugar | Dutt | D'Alia | Edwin | Gandhi | Ganesan | Ganesh | Gara | Ghose | Gill | Goda
            | Goel | Gokhale | Golla | Goswami | Gour | Goyal | Grover | Handa | Hans | Hari | Hayre | Hegde | Hora |
            Issac | Iyengar | Jaggi | Jain | Jayaraman | Jhaveri | Johal | Kade | Kakar | Kala | Kale | Kalita | Kalla |
            Kannan | Kant | Kapadia | Kar | Karnik | Karpe | Kaul | Keer | Khalsa | Khanna | Khare | Khosla | Kibe |
            Kohli | Konda | Koshy | Krishnamurthy | Krishnan | Kulkarni | Lad | Lal | Lala | Lall | Lanka | Loyal |
            Luthra | Madan | Malhotra | Mallick | Manda | Mandal | Mangal | Mani | Mann | Manne | Mishra | Mital | Mitra
            | Mitter | Mody | Mohanty | Morar | More | Mukhopadhyay | Munshi | Nagarajan | Naidu | Naik | Nair | Nanda |
            Narain | Narang | Narayanan | Narula | Natarajan | Nath | Natt | Nazareth | Nigam | Nori | Oak | Om |
            Padmanabhan | Pai | Palla | Pandit | Pandya | Parikh | Patil | Patla | Pau | Pillay | Pingle | Pradhan |
            Prakash | Prasad | Prashad | Purohit | Radhakrishnan | Raghavan | Rai | Rajagopal | Rajagopalan | Raju | Ram
            | Rama | Ramachandran | Ramakrishnan | Ramaswamy | Ramesh | Randhawa | Rastogi | Rau | Raval | Ray | Reddy |
            Rout | Roy | Sabharwal | Saha | Sahni | Sahota | Saini | Sama | Sampath | Samra | Sandal | Sane | Sangha |
            Sanghvi | Sani | Sankar | Saraf | Saran | Sarkar | Sarraf | Sathe | Savant | Sawhney | Saxena | Sehgal |
            Sekhon | Sen | Sengupta | Sethi | Sha | Shah | Sharaf | Sharma | Shenoy | Shere | Sheth | Shetty | Shroff |
            Shukla | Sibal | Sidhu | Singhal | Sinha | Solanki | Soman | Soni | Sood | Subramaniam | Sule | Sunder | Sur
            | Sura | Suresh | Suri | Swamy | Tak | Talwar | Tara | Tata | Thakkar | Tiwari | Tripathi | Trivedi | Vala |
            Varghese | Varkey | Varma | Vasa | Venkataraman | Venkatesh | Verma | Vohra | Vora | Wadhwa | Wali | Walla |
            Wason | Yadav | Yohannan | Zachariah
            """
        ),
        cities=_split(
            """
            Adoni | Agartala | Ahmedabad | Aizawl | Ajmer | Akola | Alappuzha | Allahabad | Alwar | Amaravati | Ambala |
            Ambarnath | Amroha | Anand | Anantapur | Aurangabad | Baranagar | Bathinda | Begusarai | Belgaum | Bellary |
            Berhampur | Bhagalpur | Bhalswa Jahangir Pur | Bharatpur | Bhind | Bhubaneswar | Bhusawal | Bidhannagar |
            Bikaner | Bilaspur | Bulandshahr | Burhanpur | Chapra | Chennai | Chinsurah | Chittoor | Coimbatore |
            Danapur | Dehradun | Dhanbad | Durgapur | Etawah | Firozabad | Gandhidham | Gandhinagar | Gangtok |
            Ghaziabad | Gopalpur | Gorakhpur | Guntakal | Guwahati | Hapur | Hindupur | Hospet | Hosur | Hubli–Dharwad |
            Hyderabad | Ichalkaranji | Indore | Jabalpur | Jammu | Jehanabad | Kadapa | Kalyan-Dombivli | Kanpur |
            Karawal Nagar | Katihar | Khandwa | Khora  | Kochi | Kolkata | Kollam | Kottayam | Kumbakonam | Kurnool |
            Loni | Lucknow | Madanapalle | Meerut | Miryalaguda | Moradabad | Morbi | Morena | Motihari | Munger |
            Nagercoil | Nagpur | Nanded | Narasaraopet | Nizamabad | North Dumdum | Pali | Panchkula | Panihati | Raipur
            | Rajpur Sonarpur | Ramagundam | Raurkela Industrial Township | Sambalpur | Sambhal | Sangli-Miraj & Kupwad
            | Sirsa | Siwan | Sonipat | Tadepalligudem | Tadipatri | Tezpur | Thane | Thanjavur | Thoothukudi | Tinsukia
            | Tiruchirappalli | Tumkur | Udaipur | Udupi | Vadodara | Varanasi | Vellore | Visakhapatnam
            """
        ),
        streets=_split(
            """
            Acharya Ganj | Acharya Nagar | Agarwal | Ahluwalia | Ahuja | Ahuja Road | Apte Nagar | Atwal Marg | Aurora
            Path | Badal Marg | Bains Chowk | Bains Marg | Bajwa Street | Bakshi | Bal Chowk | Bali Street | Banerjee
            Chowk | Banik Nagar | Bansal Zila | Barman | Basak Road | Basu Marg | Bedi Zila | Bhakta | Bhakta Chowk |
            Bhat Street | Bobal Street | Bora Circle | Bora Marg | Bora Zila | Butala Circle | Chacko Circle | Chadha
            Path | Chahal Zila | Chatterjee Marg | Chaudhari Circle | Chaudhari Zila | Chaudhry Road | Chauhan Chowk |
            Cherian Marg | Chopra Circle | Comar Circle | Dalal Street | Dara Chowk | Dara Nagar | Dayal Chowk | Deol
            Ganj | Devi Chowk | Devi Circle | Dhar Street | Dhillon Path | Dixit Path | Dutt Street | D'Alia Street |
            Ganesan Chowk | Ghose Nagar | Gill Circle | Gill Marg | Gokhale Circle | Gour Nagar | Goyal Ganj | Grover
            Chowk | Handa Road | Hans | Hari Zila | Hegde Path | Hora Nagar | Issac | Jain | Jain Marg | Johal Street |
            Kala Chowk | Kalita Marg | Kant Road | Kapadia Path | Kaul Chowk | Keer Circle | Khare Marg | Kohli Zila |
            Koshy Circle | Krishnamurthy Ganj | Lala Nagar | Lala Zila | Lanka Zila | Loyal Circle | Malhotra Street |
            Mallick Road | Manda Path | Mani Circle | Mani Ganj | Manne | Mital Ganj | Mitra Marg | Mitter Ganj | Mody
            Zila | Morar Circle | More | Mukhopadhyay Path | Munshi | Munshi Nagar | Nagarajan | Nagarajan Zila | Nair
            Path | Nanda Path | Narayanan Chowk | Narayanan Marg | Nath Path | Nath Zila | Nigam Nagar | Nori Zila | Oak
            Circle | Om Nagar | Om Path | Padmanabhan Circle | Palla Zila | Pandit Road | Pandya Ganj | Patil Path |
            Pillay Zila | Pingle Road | Pradhan Road | Radhakrishnan Ganj | Raghavan Path | Raghavan Road | Rajagopalan
            Circle | Randhawa | Rau Ganj | Raval | Ray Marg | Reddy Nagar | Sabharwal Zila | Sandal Road | Sane | Sangha
            Marg | Sani Nagar | Saraf Path | Sarkar Path | Sathe Street | Sawhney Road | Sehgal Chowk | Sibal Chowk |
            Sidhu Chowk | Sinha Zila | Soman Marg | Soni Chowk | Sood Marg | Subramaniam Nagar | Sunder Marg | Sura |
            Suresh Ganj | Talwar Nagar | Thakkar Marg | Thakkar Nagar | Tripathi Street | Vala Street | Varkey Ganj |
            Verma Street | Yadav Chowk | Yohannan | Zachariah Path
            """
        ),
        companies=_split(
            """
            Acharya PLC | Agarwal and Sons | Ahuja, Rout and Narayanan | Apte LLC | Arora, Goswami and Rout | Atwal-Mann
            | Bail-Iyengar | Bains-Goel | Balan-Jain | Bandi-Reddy | Barman-Kulkarni | Basak, Gandhi and Bajwa | Bhagat
            Ltd | Bhakta, Shah and Bhakta | Bobal Inc | Bora, Ram and Chatterjee | Bora-Date | Chakraborty-Palla |
            Chanda, Chahal and Baral | Chaudhari-Narain | Chaudhari-Sethi | Chawla Inc | Chokshi-Mody | Chopra, Pillay
            and Dhaliwal | Choudhry Inc | Choudhry, Tara and Anne | Das, Bansal and Lanka | Date-Malhotra | Dayal-Bhagat
            | Deol LLC | Dhillon, Chada and Chaudhari | Dixit, Nigam and Sarkar | Dubey, Bhat and Handa | D'Alia and
            Sons | Ganesan-Basu | Gara, Das and Patla | Ghose PLC | Gill LLC | Gokhale and Sons | Gour and Sons | Goyal,
            Prakash and Nanda | Handa-Chakraborty | Hans, Ramachandran and Sunder | Hari LLC | Hora LLC | Issac, Boase
            and Hari | Jain-Bose | Johal, Dave and Dhar | Kakar Ltd | Kala-Shetty | Kant, Mani and Bajaj | Karnik,
            Bhatnagar and Khosla | Kaul-Sekhon | Koshy, Bandi and Acharya | Lala, Purohit and Cherian | Lanka and Sons |
            Luthra LLC | Madan-Kant | Manda-Trivedi | Mani, Roy and Soman | Manne, Sarraf and Kala | Mital and Sons |
            Mohanty, Pandit and Choudhury | More, Pandit and Raghavan | Mukhopadhyay-Ahluwalia | Munshi, Borde and Sinha
            | Nagarajan, Patla and Nair | Nanda Inc | Narayanan, Arya and Thakkar | Natarajan, Hegde and Sinha | Nath
            Group | Nazareth, Sarkar and Pandit | Nigam LLC | Oak, Natarajan and Saraf | Om, Dayal and Bali |
            Om-Balakrishnan | Padmanabhan, Jain and Chokshi | Pandya, Bhagat and Talwar | Parikh Ltd | Pingle-Natt |
            Pradhan, Bakshi and Lall | Radhakrishnan, Varkey and Chacko | Raghavan, Tata and Sehgal | Ramakrishnan-Gill
            | Randhawa, Sankar and Badal | Rau, Bhargava and Munshi | Sabharwal, Naidu and Nath | Saha-Barad |
            Sahni-Bajwa | Sahota PLC | Sahota, Bhavsar and Borde | Sama-Ray | Sampath, Kalita and Iyengar | Samra LLC |
            Sane, Sule and Sibal | Sangha-Jayaraman | Sani Inc | Saran-Mitter | Sathe Ltd | Sawhney, Bajwa and
            Subramaniam | Sheth, Bains and Pau | Solanki Inc | Sood-Lal | Sood-Raval | Sule-Saini | Sur Group | Sura
            Group | Sura PLC | Suresh Inc | Swamy, Bal and Sinha | Tak and Sons | Tak, Dara and Mangal | Tripathi PLC |
            Varkey-Devi | Varma, Butala and Raval | Verma, Savant and Banerjee | Wali Group | Wali LLC | Yohannan,
            Narula and Aurora | Zachariah-Rastogi
            """
        ),
        house_number=("", ", ", False),
    ),
    "en_US": Words(
        first_names=_split(
            """
            Aaron | Abigail | Adam | Alex | Alexander | Alicia | Allen | Allison | Amanda | Amber | Amy | Ana | Andre |
            Andrew | Angela | Angelica | Anita | Annette | Anthony | Antonio | Arthur | Ashley | Austin | Barbara |
            Barry | Benjamin | Beth | Bethany | Bill | Brad | Bradley | Brandi | Brandy | Brenda | Brendan | Brian |
            Brianna | Brittany | Brooke | Bruce | Bryan | Carl | Carla | Carol | Carolyn | Catherine | Cathy | Charles |
            Cheryl | Christine | Christopher | Cindy | Claire | Corey | Crystal | Cynthia | Dakota | Dana | Daniel |
            Danny | Darren | David | Dawn | Debbie | Deborah | Debra | Denise | Dennis | Derrick | Devon | Diana | Donna
            | Douglas | Dustin | Dwayne | Dylan | Elijah | Elizabeth | Emily | Eric | Erica | Erin | Felicia | Garrett |
            Gary | Geoffrey | Glenn | Grace | Gregory | Haley | Heather | Heidi | Hunter | Jack | Jacob | Jacqueline |
            James | Jamie | Janice | Jasmine | Jason | Jeffrey | Jenna | Jennifer | Jeremy | Jessica | Jill | Jodi | Joe
            | Joel | John | Johnny | Jordan | Jose | Joseph | Joshua | Joyce | Julia | Julie | Justin | Kaitlyn | Karen
            | Kathleen | Kathryn | Kathy | Keith | Kenneth | Kevin | Kim | Kimberly | Krista | Kurt | Kyle | Lance |
            Larry | Laura | Lauren | Laurie | Leah | Linda | Lindsay | Lindsey | Lisa | Lori | Luis | Luke | Mackenzie |
            Madeline | Madison | Mandy | Maria | Mariah | Mark | Martin | Mary | Mason | Mathew | Matthew | Mckenzie |
            Melissa | Melvin | Mia | Michael | Michele | Michelle | Miguel | Miranda | Molly | Monica | Nancy | Nathan |
            Nathaniel | Nicholas | Nichole | Nicole | Noah | Oscar | Pam | Patricia | Patrick | Paul | Paula | Peter |
            Phillip | Ralph | Raymond | Rebecca | Regina | Reginald | Richard | Robert | Robin | Ryan | Samantha |
            Samuel | Sarah | Scott | Sean | Shannon | Shawn | Sheila | Shelby | Sheri | Sherry | Spencer | Stacey |
            Stanley | Stephanie | Stephen | Steven | Susan | Tamara | Tammy | Tara | Taylor | Teresa | Terri | Terry |
            Theresa | Thomas | Tiffany | Timothy | Todd | Tony | Tonya | Tracey | Traci | Tracy | Travis | Troy |
            Valerie | Vanessa | Victor | Victoria | Virginia | Wanda | Wendy | William | Wyatt | Zachary
            """
        ),
        last_names=_split(
            """
            Acevedo | Adams | Aguilar | Alexander | Allen | Anderson | Archer | Armstrong | Ayers | Baker | Baldwin |
            Barajas | Barber | Barker | Barnes | Baxter | Beard | Becker | Beltran | Benitez | Bennett | Blair |
            Blanchard | Boyer | Brandt | Brennan | Brewer | Brooks | Brown | Bryan | Bryant | Burch | Burgess | Burns |
            Butler | Cabrera | Cain | Calhoun | Callahan | Carey | Carr | Carroll | Carson | Case | Castaneda | Chambers
            | Chapman | Choi | Christian | Clark | Clay | Cole | Collins | Cook | Cooley | Cooper | Cox | Craig | Cruz |
            Cummings | Cunningham | Daniel | Daniels | Daugherty | Davenport | Davis | Dean | Delacruz | Diaz |
            Dickerson | Dickson | Dodson | Dudley | Duncan | Dunlap | Dunn | Duran | Ellison | English | Escobar |
            Estrada | Evans | Farrell | Ferguson | Fernandez | Fitzgerald | Fitzpatrick | Flores | Flowers | Ford | Fox
            | Frank | Franklin | Frazier | Frederick | Freeman | Fuentes | Gamble | Garcia | Garner | Gates | Gay |
            George | Gibson | Gill | Gomez | Gonzalez | Gray | Green | Greene | Gregory | Griffin | Guerra | Guerrero |
            Gutierrez | Guzman | Hansen | Hanson | Harper | Harris | Harvey | Hawkins | Hernandez | Herrera | Higgins |
            Hines | Hodges | Holloway | Holt | Hoover | Horton | Houston | Howard | Hudson | Hughes | Hunt | Hunter |
            Huynh | Jackson | Jacobson | James | Jefferson | Jenkins | Johnson | Jones | Jordan | Juarez | Kane | Kelly
            | Kennedy | Kerr | Khan | Kim | King | Lara | Larson | Lawson | Lee | Lewis | Liu | Lloyd | Long | Lopez |
            Love | Lowery | Mahoney | Manning | Marsh | Marshall | Martinez | May | Maynard | Mcbride | Mccarthy |
            Mcdaniel | Mcdonald | Mcfarland | Mcgee | Mcgrath | Mcguire | Mckinney | Mcmahon | Mcneil | Medina | Meyer |
            Meyers | Miles | Miller | Mitchell | Montgomery | Montoya | Moore | Morgan | Morrow | Morton | Mullins |
            Murphy | Murray | Myers | Nelson | Nguyen | Nunez | Obrien | Odom | Olson | Oneill | Ortiz | Owens | Park |
            Parker | Patel | Paul | Pearson | Perez | Peterson | Phelps | Pittman | Pitts | Poole | Porter | Powell |
            Powers | Pratt | Price | Ramirez | Ray | Reed | Reid | Reyes | Rice | Richards | Riley | Rios | Rivas |
            Roberts | Robertson | Robinson | Rodriguez | Rollins | Roman | Romero | Ross | Rowe | Russell | Ryan |
            Sanchez | Santos | Schneider | Schwartz | Shannon | Sharp | Shelton | Shepard | Sheppard | Simon | Simpson |
            Singh | Skinner | Smith | Snyder | Solis | Soto | Spencer | Steele | Stein | Stephens | Strickland | Taylor
            | Terry | Thomas | Thompson | Thornton | Torres | Trujillo | Tucker | Turner | Valentine | Vasquez |
            Villarreal | Wagner | Walker | Waller | Walsh | Walters | Warren | Watkins | Watson | Webb | White | Wiggins
            | Wilkerson | Wilkins | Williams | Wilson | Wong | Wood | Woodard | Wyatt | Yang | Young
            """
        ),
        cities=_split(
            """
            Alexanderhaven | Allentown | Ashleymouth | Brianborough | Choiview | Christineborough | Christopherfort |
            Danielsstad | Danieltown | Daughertychester | Davisport | East Aliciamouth | East Catherineton | East
            Darrell | East Heatherstad | East Jessicaland | East Kevin | East Kristinehaven | East Nathanielport | East
            Robertmouth | East Vanessabury | Ellisonmouth | Frankburgh | Gatesland | Griffinburgh | Hansenmouth |
            Harrisland | Holmeston | Hortonborough | Jeffreytown | Jennifershire | Johnsonmouth | Johnsonville |
            Jonesfort | Jonesside | Jonesville | Joshuaberg | Juarezport | Julieberg | Justinshire | Kathrynville | Lake
            Brendaberg | Lake Christy | Lake Danielberg | Lake Jared | Lake Keith | Lake Laura | Lake Laurafort | Lake
            Maria | Lake Mariah | Lake Samanthastad | Markside | Mcdonaldshire | Mcdonaldview | Mcphersonshire |
            Michaelport | Michelemouth | Mikemouth | Mollyborough | New Danielside | New David | New Gregoryville | New
            Kyleshire | New Monica | New Richardland | New Samantha | New Valerieshire | North Corey | North Deborahfurt
            | North Dianamouth | North Grace | North James | North Kennethtown | North Michael | North Patricktown |
            Peterburgh | Port Ashleyland | Port Brian | Port Christopher | Port Daniel | Port Douglas | Port Justinfurt
            | Port Stephanieborough | Robertbury | Robertfurt | Ryanshire | Samuelstad | Saraborough | Sarafort |
            Scottborough | Shawville | Sheltonmouth | Smithchester | Smithfort | Smithshire | South Austinhaven | South
            Dakota | South Jenniferfort | South Katherinefurt | South Maryfurt | South Pamela | South Patriciastad |
            South Peterchester | South Samanthashire | South Tara | Timothychester | Turnerside | Virginiamouth |
            Webbmouth | West Catherine | West Christopher | West Erikaburgh | West Michael | West Michaelton | West
            Mollyville | West Nicolefurt | West Rebeccaburgh | West Shannonmouth | West Wandamouth | Woodsfurt
            """
        ),
        streets=_split(
            """
            Aaron Coves | Alex Avenue | Alexander Forest | Anderson Flats | Andrew Path | Andrews Hollow | Angela
            Village | Anthony Turnpike | Armstrong Vista | Austin Place | Ayers Springs | Baldwin Viaduct | Barnes
            Crossroad | Becker Squares | Brittany Plains | Brown Extensions | Brown Ridges | Bruce Square | Bryan Mall |
            Burgess Rapids | Burke Cliff | Burns Key | Butler Ports | Chad Fields | Charles Inlet | Christian Square |
            Christopher Loop | Christopher Rapid | Craig Vista | Crystal River | Cummings Mission | Daniel Curve | Danny
            Fords | Darren Gardens | David Grove | David Mews | Davis Squares | Dawn Landing | Dawson Ports | Deborah
            Junction | Denise Flats | Dennis Fords | Elizabeth Squares | Emily Valley | Fernandez Garden | Fernando Road
            | Fisher Track | Fitzgerald View | Frederick Burg | Frost Park | Garcia Park | Garcia Pine | Gloria Ranch |
            Gomez Light | Gonzalez Cove | Gregory Stravenue | Hamilton Ports | Hammond Shores | Harris Station | Harris
            Trace | Hines Coves | Holmes Tunnel | Hurst Ranch | Jenkins Gardens | Jodi Alley | Jodi Brooks | Johnny
            Landing | Johnson Island | Johnson Loaf | Johnson Lodge | Jose Forges | Joseph Passage | Joseph Summit |
            Juarez Hills | Kaitlyn Forge | Kane Flat | Kayla Shoal | Kelly Inlet | Kimberly Squares | Laura Shores |
            Lisa Land | Long Pike | Macias Neck | Mackenzie Prairie | Manning Rue | Mariah Ports | Mario Tunnel | Martin
            Forest | Mary Parkway | Mathew Plain | Matthew Haven | Matthew Pass | May Rest | Mcdonald Square | Mcmillan
            Roads | Megan Radial | Megan Tunnel | Melissa Corners | Melissa Courts | Montgomery Lakes | Morris Spurs |
            Morton Meadows | Murray Forges | Myers Summit | Nguyen Plain | Nicole Causeway | Owens Passage | Palmer
            Village | Paul Prairie | Paula Crossing | Paula Squares | Pierce River | Pitts Overpass | Regina Passage |
            Robbins Brooks | Robert Mount | Robin Rest | Robinson Run | Rodriguez Ways | Rowe Plains | Russell Gardens |
            Samantha Camp | Santana Valleys | Schaefer Flat | Scott Stream | Shaw Coves | Shelby Spur | Shelton Mission
            | Shepard Prairie | Smith Squares | Smith Village | Snyder Union | Stanley Centers | Stark Valley | Tammy
            Springs | Terri Squares | Terry Inlet | Thomas Fields | Thomas Flats | Thomas Islands | Tony Mission | Traci
            Stream | Tran Road | Turner Point | Valerie Dam | Valerie Loaf | Vicki Bypass | Victor Meadow | Victoria
            Circle | Villarreal Junctions | Walker Knoll | Walsh Causeway | Walsh Roads | Webb Street | Williams
            Extensions | Williams Pine | Woods Green | Wyatt Rapid | Wyatt Unions | Yolanda Crescent
            """
        ),
        companies=_split(
            """
            Anderson Group | Anderson-Harris | Andrews-Turner | Armstrong-Gray | Armstrong-Gregory | Baker Ltd | Baker
            and Sons | Baldwin-Wilkins | Barber, Jackson and Diaz | Blair Ltd | Blair, Alexander and Lewis | Brown Ltd |
            Brown-Gilbert | Bruce and Sons | Bryan-Becker | Bryant Inc | Cabrera and Sons | Case Ltd | Castaneda Inc |
            Cole-Ford | Cook, Schwartz and Frederick | Cummings-Griffin | Cummings-Snyder | Daugherty-Hodges | Diaz-Clay
            | Downs Group | Duncan, Tucker and Sanchez | Ellison-Henson | English-Howard | Estrada, Meyer and Johnson |
            Evans PLC | Ewing Inc | Farrell Inc | Fisher-Gallagher | Flores, Ross and Carr | Garcia, Decker and Chavez |
            Garcia-Freeman | Gay LLC | Gonzalez LLC | Gregory-Martin | Guerrero, Pearson and Harris | Hall, Fields and
            Maddox | Hamilton-Ray | Harris-Juarez | Hernandez, Morgan and Kim | Hines-Rodriguez | Holt, Barnes and
            Barnes | Hurst-Stuart | Huynh LLC | Jenkins-Sanchez | Johnson, Obrien and Oneill | Johnson-Guzman |
            Johnson-Myers | Johnston, Underwood and Baker | Jones Ltd | Jones-Patel | Jordan, Carson and Riley |
            Kane-Gonzalez | Khan Inc | King, Boyer and Thompson | Lucas LLC | Manning, Taylor and Clark | Martin PLC |
            Martinez Group | Martinez, Baker and Palmer | Matthews, Thomas and Nguyen | May-Franklin | Maynard-Rios |
            Mcdaniel PLC | Mcmahon, Mckinney and Gill | Morgan PLC | Morris-Bowers | Morton Inc | Nicholson-Ball |
            Nunez, Brown and Escobar | Palmer-Collier | Patterson, Watkins and Reeves | Pena-Liu | Perez, Allen and
            Lewis | Peterson-Mcguire | Pitts-Vasquez | Poole, Baxter and Smith | Price PLC | Prince-Rodriguez |
            Reeves-Perkins | Richard PLC | Rivera and Sons | Rivera, Smith and Grimes | Robbins-Smith | Robertson,
            Miller and Powell | Robinson-Santos | Rodriguez Ltd | Rowe-Daniels | Ruiz and Sons | Schneider LLC |
            Shepherd, Harvey and Miller | Simmons, Mcdonald and Cook | Singh Inc | Smith Inc | Smith, Blanchard and
            Gonzalez | Smith, Sharp and Ortiz | Smith-Butler | Smith-Graves | Smith-Rivas | Spencer LLC | Stanton Group
            | Steele Group | Thomas-Lee | Thompson and Sons | Torres, Marshall and Riley | Trujillo Inc | Turner-Hawkins
            | Villarreal-Peterson | Walker-Gomez | Waller-Jones | Wilkerson, Benitez and Dudley | Wilson, Dunn and Lutz
            | Wong Group | Wood-Mathis | Woods-Zimmerman
            """
        ),
        house_number=("", " ", False),
    ),
    "en_GB": Words(
        first_names=_split(
            """
            Aaron | Abbie | Abigail | Adam | Adrian | Aimee | Alan | Albert | Alex | Alexander | Alexandra | Alice |
            Alison | Amanda | Amber | Andrea | Andrew | Angela | Anne | Annette | Antony | Arthur | Ashley | Barbara |
            Benjamin | Bernard | Beth | Bethan | Beverley | Brandon | Brenda | Brett | Brian | Bruce | Callum | Carly |
            Carole | Caroline | Carolyn | Charles | Charlie | Charlotte | Chloe | Christian | Christine | Christopher |
            Claire | Clifford | Clive | Colin | Connor | Craig | Damian | Daniel | Danielle | Darren | David | Dawn |
            Dean | Declan | Dennis | Diana | Diane | Dominic | Donald | Dorothy | Duncan | Dylan | Edward | Eileen |
            Elaine | Ellie | Elliot | Emily | Frances | Francesca | Gail | Gemma | Geoffrey | Gerard | Gillian | Gordon
            | Graeme | Graham | Gregory | Hannah | Harriet | Hayley | Hazel | Heather | Helen | Hollie | Holly | Howard
            | Iain | Jacob | Jacqueline | Jade | Jake | James | Jamie | Jane | Janet | Janice | Jasmine | Jay | Jeffrey
            | Jemma | Jenna | Jessica | Joan | Joanna | Joe | Joel | Joseph | Josephine | Josh | Joshua | Joyce | Judith
            | Julie | June | Karen | Katherine | Kathleen | Katie | Kayleigh | Keith | Kenneth | Kieran | Kimberley |
            Kirsty | Kyle | Laura | Lauren | Lawrence | Leah | Leigh | Leon | Lesley | Lewis | Liam | Linda | Lindsey |
            Lisa | Lorraine | Louis | Louise | Luke | Lynne | Malcolm | Mandy | Marc | Marcus | Maria | Marian | Marilyn
            | Marion | Mark | Martin | Martyn | Mary | Mathew | Maureen | Maurice | Max | Megan | Melissa | Michelle |
            Mitchell | Mohamed | Mohammad | Mohammed | Molly | Naomi | Natasha | Nathan | Nicholas | Nicola | Nigel |
            Norman | Oliver | Olivia | Owen | Paige | Pamela | Patrick | Paula | Peter | Phillip | Rachel | Raymond |
            Reece | Rhys | Richard | Ricky | Rita | Robin | Roger | Rosemary | Ross | Ryan | Sally | Sam | Samantha |
            Samuel | Sara | Shane | Shannon | Sharon | Shaun | Sheila | Shirley | Simon | Sophie | Stacey | Stanley |
            Stephanie | Stephen | Steven | Stewart | Stuart | Susan | Suzanne | Sylvia | Terence | Terry | Thomas |
            Timothy | Tina | Tony | Tracey | Tracy | Trevor | Valerie | Vanessa | Victor | Victoria | Wendy | William
            """
        ),
        last_names=_split(
            """
            Ahmed | Alexander | Ali | Allen | Anderson | Andrews | Archer | Armstrong | Arnold | Ashton | Atkinson |
            Bailey | Baker | Barber | Barker | Barlow | Barrett | Barton | Baxter | Begum | Bell | Bennett | Benson |
            Bentley | Berry | Bibi | Bird | Black | Bolton | Booth | Bowen | Boyle | Bradshaw | Briggs | Brookes |
            Brooks | Brown | Browne | Buckley | Burke | Burton | Butler | Byrne | Campbell | Carey | Carr | Carter |
            Cartwright | Chambers | Chapman | Clark | Clarke | Clayton | Coates | Cole | Coleman | Collier | Collins |
            Connolly | Cook | Cooper | Cox | Craig | Crawford | Curtis | Daly | Davies | Davis | Day | Dean | Dixon |
            Dobson | Douglas | Duffy | Dunn | Edwards | Elliott | Ellis | Evans | Faulkner | Ferguson | Field | Finch |
            Fisher | Fletcher | Ford | Foster | Fowler | Fox | Francis | Franklin | Fraser | Freeman | Fry | Gallagher |
            Gardiner | Gardner | Gibson | Gilbert | Giles | Gill | Goodwin | Gordon | Gough | Graham | Grant | Gray |
            Green | Griffin | Griffiths | Hall | Hammond | Hancock | Hardy | Harris | Harrison | Hartley | Hawkins |
            Haynes | Henderson | Herbert | Hewitt | Hill | Hobbs | Hodgson | Holden | Holland | Holloway | Holmes |
            Hopkins | Horton | Howard | Howe | Howell | Hudson | Hughes | Humphreys | Hunt | Hurst | Hussain |
            Hutchinson | Ingram | Iqbal | Jackson | James | Jarvis | Jenkins | Jennings | Johnson | Johnston | Jones |
            Jordan | Joyce | Kaur | Kay | Kelly | Kemp | Kennedy | Kent | Khan | King | Knowles | Lamb | Lambert | Lane
            | Lawrence | Lawson | Leach | Lee | Lewis | Little | Long | Lowe | Lucas | Macdonald | Mann | Marshall |
            Martin | Mason | Matthews | May | McCarthy | McDonald | Mellor | Middleton | Miles | Miller | Mills |
            Mitchell | Moore | Morgan | Morley | Morris | Morton | Murphy | Murray | Nash | Naylor | Nelson | Newman |
            Newton | Nicholls | Nixon | Noble | North | Norton | O'Connor | O'Donnell | O'Neill | O'Sullivan | Owen |
            Owens | Page | Palmer | Parker | Parkes | Parry | Parsons | Patel | Payne | Pearce | Perry | Phillips |
            Porter | Powell | Power | Preston | Price | Pritchard | Reeves | Reid | Reynolds | Rhodes | Rice | Richards
            | Richardson | Riley | Roberts | Robinson | Robson | Rogers | Rose | Ross | Rowley | Russell | Ryan | Savage
            | Scott | Shah | Sharp | Shaw | Shepherd | Short | Simmons | Simpson | Singh | Smith | Stanley | Steele |
            Stephenson | Stevens | Stevenson | Stewart | Stokes | Summers | Talbot | Taylor | Thomas | Thompson |
            Thomson | Thorpe | Todd | Tucker | Turner | Vaughan | Walker | Walsh | Ward | Warren | Waters | Watson |
            Webb | Webster | West | Wheeler | White | Whittaker | Wilkins | Wilkinson | Williams | Williamson | Willis |
            Wilson | Winter | Wood | Woods | Wright | Wyatt | Yates | Young
            """
        ),
        cities=_split(
            """
            Albertbury | Alexanderborough | Alexandraberg | Amandachester | Amandashire | Ballshire | Bellmouth |
            Bellshire | Blackchester | Boylechester | Brownshire | Callumton | Caroleborough | Chloeborough |
            Christineshire | Craigstad | Daviesmouth | Dianeton | Dobsonmouth | East Annetteburgh | East Colinland |
            East Francesca | East Gordon | East Lyndaton | Fordville | Fosterland | Freemanstad | Gemmaville |
            Hancockmouth | Hazelfort | Howardburgh | Howellland | Jameshaven | Janetburgh | Jayshire | Jayside |
            Jemmaton | Jenningsville | Jonesmouth | Jonesshire | Jonesview | Keithfort | Kerrville | Lake Aaron | Lake
            Brenda | Lake Ellie | Lake Gavin | Lake Gerard | Lake Jamesburgh | Lake Katemouth | Lake Mohammadstad | Lake
            Raymondstad | Lake Reecefort | Lawrencehaven | Leefurt | Leonfort | Lewisshire | Mandyside | Mathewbury |
            McDonaldton | Millerfort | New Adrian | New Owen | New Sophieside | New Victor | New Wendy | Nicholasborough
            | Nicolafort | North Arthur | North Bethfort | North Cameron | North Dianeport | North Eileenside | North
            Jacquelinetown | North Jamie | North Joeltown | North Joyce | North June | North Nigel | North Suzanne |
            North Sylviachester | Oliverfort | Paynefort | Port Alexander | Port Arthur | Port Charlotteville | Port
            Declanchester | Port Gareth | Port Lorraineburgh | Port Melissaborough | Port Mitchellfurt | Port Raymond |
            Reedfurt | Richardsstad | Simpsonshire | Smithtown | South Amberborough | South Joseph | South Josephbury |
            South Joshuaburgh | South Michaelborough | South Mohamedfort | South Timothy | Stephenberg | Susanport |
            Thomasburgh | Thomashaven | Vanessamouth | Victoriafort | Victorside | West Barbaraside | West Charlie |
            West Heather | West Josephineton | West Louisetown | West Maurice | West Paigeville | West Rickyhaven |
            Westonton | Williamsburgh
            """
        ),
        streets=_split(
            """
            Aaron Springs | Adrian Lakes | Alan Rue | Allen Vista | Arthur Harbors | Arthur Land | Bartlett Creek |
            Bartlett Ranch | Barton Square | Bell Valley | Benjamin Fields | Bennett Flat | Bennett Park | Bird Coves |
            Brett Mission | Briggs Curve | Brown Village | Burgess Squares | Burton Crossroad | Callum Landing | Cameron
            Mall | Carly Forks | Carly Stravenue | Caroline Trace | Carr Overpass | Carter Hills | Chapman Cove |
            Charlotte Court | Clarke Flats | Clive Rest | Colin Shoals | Connor Pike | Craig Courts | Craig Gardens |
            David Summit | Davies Mews | Davies Mission | Dawn Branch | Declan Corners | Declan Junctions | Diana Meadow
            | Dominic Street | Edward Crescent | Edwards Brooks | Edwards Viaduct | Eileen Pine | Ellis Ports | Evans
            Inlet | Fiona Viaduct | Fletcher Viaduct | Foster Cliff | Geoffrey Greens | Gerard Brooks | Gill Islands |
            Gillian Shoal | Gordon Hollow | Gordon Stream | Graham Courts | Graham Rest | Green Squares | Gregory
            Springs | Hall Passage | Hancock Island | Hancock Spur | Harriet River | Hayley Loaf | Henderson Garden |
            Hodgson Point | Holloway Ridges | Holly Circle | Holly Village | Howard Extensions | Howard Station | Howell
            Trace | Hutchinson Valleys | Ingram Light | Jackson Burg | James Viaduct | Janet Prairie | Jenkins Islands |
            Jenna Lodge | Johnson Mountain | Jones Green | Jones Key | Jones Square | Jones Station | Jones Street |
            Josephine Spring | Katherine Rapid | Katherine Ways | Kerr Coves | Laura Divide | Leach Pike | Lewis Village
            | Liam Station | Mandy Station | Mann Meadows | Marcus Groves | Marilyn Camp | Mark Hills | Martin Station |
            Mason Springs | Megan Dam | Megan Mall | Melissa Flat | Melissa Rapids | Michelle Mount | Miller Coves |
            Mitchell Squares | Mohamed Corners | Morton Knoll | Naomi Underpass | Natalie Shores | Newman View | Norman
            Place | Oliver Dale | Oliver Track | Paul Estate | Pauline Brooks | Raymond Radial | Reid Rue | Rhodes Lodge
            | Richard Meadows | Richards Lakes | Rita Glen | Rita Radial | Robert Expressway | Roberts Ways | Robin
            Spurs | Roger Burg | Rose Plain | Rosemary Avenue | Rosie Bridge | Russell Plains | Sally Crossing |
            Samantha Parkway | Samuel Spur | Sanders Islands | Scott Vista | Sean Mills | Shaun Stravenue | Spencer Park
            | Stanley Spurs | Stanley Tunnel | Stevens Run | Stuart Causeway | Suzanne Crescent | Taylor Courts | Taylor
            Extensions | Thomas Extensions | Thomas Pine | Turner Mills | Vanessa Corners | Walton River | Webb Pine |
            Weston Tunnel | Williams Forest | Williams Knoll | Wood Mission | Wood Park
            """
        ),
        companies=_split(
            """
            Allen, Fuller and Smith | Allen-Davies | Allen-Lamb | Allen-Stokes | Bailey, Andrews and Ryan | Barker, Bibi
            and Cunningham | Barnes, Woods and Coates | Bartlett-Griffiths | Bartlett-Robson | Begum LLC | Bell-Young |
            Benson, Riley and Martin | Boyle-Fletcher | Bradshaw, Jones and Smith | Brady and Sons | Brooks Group |
            Brown Inc | Brown, Wood and Bolton | Brown-Burke | Burgess-Harrison | Burrows, Cook and Williams |
            Carr-Hughes | Chambers LLC | Chapman LLC | Charlton-Baker | Clark, Parry and Watkins | Clarke Group |
            Clarke-Lawson | Coates-Rice | Coleman and Sons | Cook-James | Cox Inc | Craig-Smith | Crawford, West and
            Jackson | Dale-O'Connor | Davies, Howard and Howe | Davies-O'Brien | Davis Inc | Edwards-Brown |
            Edwards-Jackson | Edwards-Perry | Elliott Ltd | Elliott, Williams and Kelly | Finch, Gardiner and Brown |
            Fleming Group | Fox, Sanders and Rose | Fry and Sons | Fry, Brown and Taylor | Gibson, Holden and Price |
            Graham LLC | Graham-Jenkins | Griffiths Ltd | Hammond Ltd | Hargreaves-Shah | Haynes PLC | Hewitt, Ellis and
            Carter | Hodgson PLC | Hodgson-Humphreys | Holloway-Richards | Holmes PLC | Howell-Carter | Jennings-Black |
            Jennings-Foster | Jones and Sons | Jones-Walters | King, Reynolds and Hancock | Lawrence-Evans | Lees,
            Pritchard and Lewis | Lewis, Reeves and Ahmed | Lewis-Lee | Long Ltd | Mann Inc | Marshall Group | Marshall,
            Burton and Fletcher | Mason-Davies | McCarthy PLC | Miller-Dean | Moore-Hall | Morton-Ingram | Murphy Inc |
            Naylor LLC | Nelson Inc | Newton, Matthews and Talbot | Oliver-Miller | Page Group | Perry-Peters |
            Power-Hall | Pritchard and Sons | Pugh, Jones and Ross | Reid, Macdonald and Martin | Rice-Kent |
            Robson-Waters | Rogers, Hall and Whitehead | Ross, Marshall and Begum | Rowe, Wright and Edwards |
            Russell-Freeman | Savage Inc | Scott Inc | Sharp and Sons | Simpson-Carter | Singh Ltd | Smith Ltd | Smith,
            Taylor and Jarvis | Stanley-Leonard | Stevens-Brooks | Taylor-Chapman | Taylor-Cook | Thomas, Butler and
            Taylor | Wade PLC | Waters-Hawkins | Watts PLC | Webb-Jones | Williams-Mellor | Willis LLC | Wilson, Smith
            and Dobson | Wood, Thompson and Owen | Wood-Hughes | Wood-Williams | Young Inc | Young, Scott and Simpson
            """
        ),
        house_number=("", " ", False),
    ),
    "de_DE": Words(
        first_names=_split(
            """
            Adolf | Adrian | Agata | Ahmad | Aldo | Alex | Alexandre | Alfons | Alla | Amelie | Anastasia | Anastasios |
            Anatoli | Andre | Andrej | Angelique | Anita | Anja | Anka | Annika | Antonino | Antonios | Apostolos | Arnd
            | Augusta | Augustin | Aysel | Balthasar | Berend | Bernadette | Bernward | Bert | Berthold | Bertold |
            Burghard | Caterina | Catrin | Cemil | Charlotte | Christa-Maria | Christine | Christl | Christoph | Cilly |
            Clarissa | Claus | Clemens | Dariusz | David | Delia | Desiree | Dierk | Dorina | Dorothea | Dunja |
            Eberhard | Edward | Egbert | Ekkehart | Elias | Elvira | Emilia | Erdmute | Ewald | Folker | Frank-Michael |
            Franka | Frederic | Freia | Gabi | George | Gero | Gerwin | Gretchen | Gretl | Guenter | Guido | Gundi |
            Gusti | Hanife | Hanni | Hans-Georg | Hans-Joachim | Hans-Jürgen | Hans-Peter | Hans-Rudolf | Hans-Uwe |
            Hans-Werner | Hans-Wolfgang | Heidemarie | Heiner | Heinz-Gerd | Heinz-Joachim | Heinz-Wilhelm | Heinz-Willi
            | Helfried | Henny | Herma | Hilma | Inge | Ingelore | Ingo | Ira | Iris | Irmengard | Irmgard | Isabell |
            Ivanka | Jane | Janin | Janko | Jelena | Joanna | John | Jolanda | Jonas | Joseph | Juan | Judith | Julia |
            Julian | Juliana | Jurij | Karl-Heinrich | Karl-Peter | Katarina | Katharina | Katy | Kevin | Kirstin |
            Klaas | Klaudia | Konstantinos | Kordula | Kuno | Lea | Leon | Leszek | Liesbeth | Loni | Lorenz | Louis |
            Luigi | Luisa | Luise | Madeleine | Magda | Mandy | Marga | Margaret | Mariana | Marianna | Marianne |
            Marica | Marie-Louise | Marie-Luise | Marietta | Marisa | Marleen | Marlen | Massimo | Max | Maximilian |
            Mehdi | Mehmet | Melitta | Mesut | Mijo | Mike | Milica | Miodrag | Mirco | Mirjam | Mohammed | Mona |
            Natalie | Natascha | Nevenka | Nikolaos | Nikolas | Nora | Olav | Ole | Ortrud | Paul-Heinz | Paula |
            Peter-Michael | Petra | Pirmin | Rahel | Raik | Rainer | Ramon | Rebecca | Regine | Reimer | Reinhart |
            Ricardo | Robby | Ronald | Roselinde | Rosemarie | Rudolph | Rupert | Sabina | Sabri | Sibilla | Siegmund |
            Siegrid | Sigmar | Simon | Sinaida | Slavica | Stanislaus | Stefano | Stephan | Stephanie | Swen | Sybilla |
            Sybille | Süleyman | Thea | Theres | Theresa | Ullrich | Uta | Valerie | Vanessa | Volkhard | Waldemar |
            Wencke | Wieland | Wilfried | Wilma | Witold | Yasmin | Yusuf | Zehra | Zofia | Zoran
            """
        ),
        last_names=_split(
            """
            Ackermann | Adolph | Albers | Atzler | Aumann | Austermühle | Bachmann | Barkholz | Barth | Bauer | Baum |
            Becker | Beckmann | Beer | Beier | Bender | Benthin | Berger | Beyer | Binner | Bloch | Blümel | Bohnbach |
            Bolander | Bolnbach | Bonbach | Boucsein | Briemer | Bruder | Buchholz | Bärer | Börner | Carsten | Caspar |
            Christoph | Cichorius | Davids | Dietz | Dippel | Ditschlerin | Dobes | Dowerg | Drewes | Drub | Drubin |
            Döhn | Döring | Dörr | Dörschner | Eberhardt | Eberth | Eckbauer | Ehlert | Eimer | Ernst | Etzler | Faust |
            Fechner | Fiebig | Finke | Fischer | Franke | Freudenberger | Fritsch | Förster | Gehringer | Geisel |
            Geisler | Gerlach | Gertz | Gierschner | Gieß | Girschner | Gnatz | Gorlitz | Gotthard | Gröttner | Gude |
            Gumprich | Gunpf | Gute | Gutknecht | Haase | Hahn | Hamann | Hande | Harloff | Hartung | Hein | Heintze |
            Heinz | Henck | Hendriks | Henk | Henschel | Hentschel | Hermann | Herrmann | Heser | Hesse | Hettner |
            Heuser | Heß | Hiller | Hoffmann | Hofmann | Holsten | Holzapfel | Hornich | Huhn | Hänel | Häring | Hörle |
            Hövel | Jacob | Jessel | Jockel | Johann | Juncken | Junitz | Junk | Junken | Jähn | Jäkel | Jäntsch | Kabus
            | Kade | Kallert | Kambs | Karge | Kaul | Killer | Kitzmann | Klapp | Klemm | Klotz | Knappe | Kobelt | Koch
            | Kohl | Kostolzin | Kramer | Kraus | Krause | Kraushaar | Krebs | Kreusel | Kroker | Kuhl | Kusch | Käster
            | Köhler | Köster | Ladeck | Lange | Langern | Lindau | Lindner | Linke | Loos | Lorch | Losekann | Löchel |
            Löffler | Lübs | Mans | Margraf | Martin | Matthäi | Meister | Mende | Mentzel | Meyer | Mies | Misicher |
            Mitschke | Mohaupt | Mosemann | Mude | Mälzer | Möchlichen | Mühle | Mülichen | Müller | Nerger | Nette |
            Neureuther | Neuschäfer | Niemeier | Noack | Nohlmans | Oderwald | Ortmann | Paffrath | Patberg | Pechel |
            Peukert | Pieper | Pohl | Pruschke | Pölitz | Reichmann | Reising | Renner | Reuter | Riehl | Ring | Ritter
            | Rogge | Rohleder | Rose | Rosenow | Roskoth | Rudolph | Ruppersberger | Ruppert | Rust | Rädel | Röhrdanz
            | Röhricht | Römer | Sager | Salz | Schaaf | Schacht | Scheel | Scheibe | Schenk | Scheuermann | Schinke |
            Schleich | Schlosser | Schmidtke | Schmiedt | Scholl | Scholtz | Scholz | Schomber | Schuchhardt | Schuster
            | Schönland | Segebahn | Seidel | Seifert | Seip | Siering | Sontag | Speer | Stadelmann | Stahr | Staude |
            Steckel | Steinberg | Steuer | Stiebitz | Stiffel | Striebitz | Stroh | Stumpf | Säuberlich | Sölzer |
            Süßebier | Textor | Thies | Tintzmann | Tlustek | Trapp | Trommler | Trub | Trubin | Trupp | Tröst | Trüb |
            Tschentscher | Täsche | Ullmann | Ullrich | Vogt | Vollbrecht | Wagenknecht | Warmer | Weihmann | Weimer |
            Weinhage | Weinhold | Weiß | Weller | Wende | Werner | Wesack | Wiek | Wieloch | Wilmsen | Wohlgemut | Wulf
            | Wulff | Wähner | Ziegert | Zobel | Zänker
            """
        ),
        cities=_split(
            """
            Altentreptow | Altötting | Angermünde | Anklam | Apolda | Aschaffenburg | Aue | Auerbach | Bad Brückenau |
            Bad Freienwalde | Bad Kreuznach | Bad Langensalza | Bad Liebenwerda | Badibling | Bamberg | Beeskow |
            Beilngries | Bergzabern | Berlin | Borna | Brandenburg | Burglengenfeld | Büsingen am Hochrhein | Bützow |
            Celle | Cloppenburg | Darmstadt | Dessau | Ebermannstadt | Ebern | Eckernförde | Eisenach | Eisenberg |
            Fallingbostel | Flöha | Forchheim | Freital | Freudenstadt | Fürstenfeldbruck | Greifswald | Grimma |
            Grimmen | Großenhain | Gräfenhainichen | Görlitz | Günzburg | Hagenow | Hainichen | Hannover |
            Hansestadttralsund | Hildesheim | Hohenstein-Ernstthal | Hoyerswerda | Höxter | Jena | Jessen | Jüterbog |
            Kehl | Kelheim | Konstanz | Kyritz | Königs Wusterhausen | Ludwigslust | Lüdinghausen | Magdeburg |
            Marienberg | Meiningen | Mellrichstadt | Meppen | Miesbach | Mühlhausen | Nabburg | Naila | Nauen | Neu-Ulm
            | Neuruppin | Niesky | Nürtingen | Olpe | Osterburg | Paderborn | Pasewalk | Perleberg | Potsdam |
            Ribnitz-Damgarten | Riesa | Roding | Rostock | Saarlouis | Sangerhausen | Sankt Goarshausen | Scheinfeld |
            Schwandorf | Schwarzenberg | Schwäbisch Gmünd | Schwäbisch Hall | Sigmaringen | Sondershausen | Sonneberg |
            Spremberg | Stade | Stadtroda | Stuttgart | Sulzbach-Rosenberg | Sömmerda | Uelzen | Uffenheim | Viechtach |
            Weimar | Weißenfels | Weißwasser | Wetzlar | Wittenberg | Wittstock | Wolfach | Wolfenbüttel | Worbis |
            Zeulenroda | Zossen | Zschopau
            """
        ),
        streets=_split(
            """
            Abbas-Röhricht-Gasse | Abdul-Weinhage-Gasse | Adolphgasse | Aldo-Huhn-Gasse | Alexandra-Atzler-Straße |
            Aloys-Haering-Weg | Astrid-Trapp-Ring | Aumannallee | Barthstr. | Baumplatz | Beerstr. | Beerstraße |
            Beyerstr. | Beyerweg | Blochstraße | Bolnbachgasse | Bonbachring | Burghard-Gröttner-Allee |
            Caterina-Neuschäfer-Weg | Christos-Davids-Allee | Clemens-Möchlichen-Gasse | Dagmar-Hesse-Straße |
            Delia-Kusch-Weg | Detlef-Dippel-Weg | Dowergweg | Dörrring | Eckhardt-Eimer-Ring | Ehlertgasse |
            Eleonora-Siering-Allee | Ercan-Hettner-Platz | Eric-Pölitz-Platz | Erik-Lindner-Weg | Ernst-Kade-Straße |
            Evangelos-Knappe-Ring | Faustplatz | Fauststr. | Florian-Köster-Straße | Franka-Tschentscher-Ring |
            Franz-Stiebitz-Platz | Frida-Pruschke-Ring | Friederike-Reichmann-Straße | Gaby-Gutknecht-Straße |
            Gotthard-Trupp-Weg | Gretchen-Eimer-Ring | Grit-Christoph-Gasse | Guenter-Barth-Weg | Gunpfstraße |
            Gutknechtallee | Haasestr. | Hakan-Pruschke-Platz | Handeplatz | Hanni-auch Schlauchin-Allee |
            Hanns-Drub-Gasse | Hans Dieter-Peukert-Gasse | Hans-Rudolf-Weller-Ring | Harloffstr. | Hartungallee |
            Hartungring | Heiner-Tintzmann-Ring | Heinrich-Putz-Straße | Holzapfelstr. | Hülya-Ullmann-Platz |
            Ilija-Lindau-Platz | Inge-Jäntsch-Ring | Jacobi Jäckelplatz | Janus-Trüb-Ring | Joanna-Adler-Platz |
            Joanna-Hövel-Gasse | Jorge-Weimer-Straße | Joseph-Holsten-Weg | Junitzweg | Kargering | Karina-Hande-Allee |
            Kenan-Ditschlerin-Straße | Kitzmannstr. | Klemmallee | Klotzweg | Knappering | Langernstraße |
            Laszlo-Kohl-Straße | Leonore-Hörle-Allee | Lindnergasse | Linkestraße | Lisa-Süßebier-Weg |
            Loretta-Mohaupt-Allee | Lübsstr. | Mansallee | Marek-Ring-Gasse | Margaret-Hettner-Ring | Marica-Bloch-Ring
            | Marie-Louise-Wende-Weg | Marie-Luise-Rosemann-Platz | Marleen-Rust-Platz | Meisterallee |
            Meral-Seifert-Platz | Michelle-Fechner-Platz | Miesstr. | Mirjam-Kambs-Straße | Misicherplatz | Misicherweg
            | Mitschkestr. | Mohauptstr. | Monika-Cichorius-Gasse | Monique-Kambs-Gasse | Mosemannplatz | Mosemannweg |
            Müllerring | Nettestr. | Nettestraße | Niemeierallee | Olav-Kraushaar-Gasse | Ortmannstr. | Piepergasse |
            Pohlplatz | Rebecca-Binner-Straße | Reinhard-Sager-Weg | Reuterstraße | Roggering | Rognerallee |
            Rosemarie-Werner-Allee | Ruppersbergerring | Sabri-Ullrich-Ring | Scheibeplatz | Schinkestraße |
            Schleichallee | Schollweg | Scholzstr. | Schusterallee | Schweitzerstr. | Schönlandgasse |
            Sevim-Schönland-Straße | Sofia-Scheibe-Gasse | Stefano-Börner-Platz | Steuerstraße | Stiebitzstraße |
            Stiffelgasse | Sybilla-Gude-Allee | Sölzerallee | Süßebierstraße | Thea-Beyer-Allee | Trommlerstraße |
            Truballee | Trubingasse | Tschentscherweg | Ullrich-Werner-Gasse | Ullrichstraße | Vogtgasse | Weimergasse |
            Weinhageplatz | Wencke-Hoffmann-Allee | Werner-Etzler-Ring | Wesackplatz | Wilfried-Beer-Platz |
            Wilmsenallee | Wohlgemutstraße | Wolfhard-Krebs-Allee | Wulffring | Zenon-Bonbach-Ring |
            Zoran-Stiebitz-Platz | auch Schlauchingasse
            """
        ),
        companies=_split(
            """
            Ackermann Stiftung & Co. KGaA | Adolph Dussen van Stiftung & Co. KG | Albers | Atzler GmbH | Aumann Paffrath
            GmbH & Co. KG | Bauer Mude AG & Co. KG | Beckmann AG & Co. OHG | Beer Franke OHG mbH | Beier KGaA | Beyer
            Schuchhardt KG | Bloch GbR | Bloch Oderwald KG | Bonbach Johann AG & Co. KGaA | Briemer | Christoph Hahn
            Stiftung & Co. KG | Cichorius Killer Stiftung & Co. KG | Davids OHG mbH | Dietz Kambs GmbH | Dippel KG |
            Ditschlerin Nohlmans e.G. | Drewes GbR | Döhn AG | Döring Neuschäfer OHG mbH | Dörr | Eberhardt | Eimer |
            Etzler | Fischer | Fritsch Stiftung & Co. KG | Förster | Gehringer AG | Geisel | Gerlach GmbH & Co. OHG |
            Gröttner Stiftung & Co. KG | Gude GmbH | Gude Stiftung & Co. KGaA | Gute KGaA | Gutknecht | Hahn Drubin GmbH
            | Hartung | Hartung Bauer GmbH & Co. KG | Henk KG | Hentschel | Herrmann Stiftung & Co. KG | Hettner GbR |
            Heß Wesack GmbH & Co. KG | Hoffmann OHG mbH | Hornich | Hövel | Jacob AG & Co. OHG | Jessel | Junitz
            Weinhold e.V. | Jäkel AG | Jäntsch | Kambs GmbH | Kitzmann Scholz KG | Klemm Jockel Stiftung & Co. KGaA |
            Kobelt GmbH | Koch AG & Co. KG | Koch II Käster GbR | Kraus | Krebs KG | Krebs Weinhage AG & Co. KGaA |
            Ladeck GmbH | Ladeck Wieloch GmbH | Loos | Lorch | Löffler GmbH | Martin | Matthäi KGaA | Meyer e.G. |
            Mosemann Wähner GmbH | Mude AG | Mälzer Textor GmbH & Co. KG | Müller Trommler GmbH | Nerger GmbH |
            Neureuther | Neuschäfer | Ortmann | Pieper | Pieper Carsten KG | Reising Mitschke KG | Riehl Stumpf GmbH |
            Ritter | Rudolph | Ruppersberger | Ruppersberger Kramer GmbH & Co. KG | Ruppert | Rust AG & Co. OHG |
            Röhrdanz AG & Co. KGaA | Röhricht Stiftung & Co. KGaA | Salz Barth GbR | Schacht GbR | Scheel GmbH | Scheel
            Stiftung & Co. KG | Scheibe | Schleich Stiftung & Co. KG | Schlosser | Scholtz | Schomber | Schuster Scholl
            AG & Co. KG | Seifert Stiftung & Co. KGaA | Steckel AG | Steckel Kade GmbH & Co. KG | Steuer Losekann AG |
            Stiebitz OHG mbH | Striebitz GmbH | Säuberlich Gröttner AG | Süßebier Nohlmans AG | Trapp Sölzer GmbH |
            Trubin Bruder GmbH & Co. KGaA | Trupp Barkholz AG & Co. KGaA | Ullrich Kabus GmbH & Co. KGaA | Weimer
            Austermühle KGaA | Weller GmbH | Wesack AG | Wiek | Wohlgemut GmbH | Zänker Junk KG | van der Dussen
            """
        ),
        house_number=(" ", "", True),
    ),
    "fr_FR": Words(
        first_names=_split(
            """
            Adrien | Adrienne | Adèle | Adélaïde | Agathe | Agnès | Aimé | Aimée | Alain | Alex | Alexandre | Alexandria
            | Alexandrie | Alfred | Alice | Alix | Alphonse | Amélie | Anastasie | Anaïs | André | Andrée | Anne | Anouk
            | Antoine | Antoinette | Arnaude | Arthur | Astrid | Audrey | Auguste | Augustin | Aurore | Aurélie |
            Benjamin | Benoît | Bernadette | Bernard | Bertrand | Brigitte | Camille | Capucine | Caroline | Catherine |
            Chantal | Charles | Charlotte | Christelle | Christiane | Christine | Christophe | Claire | Claude |
            Claudine | Clémence | Colette | Constance | Corinne | Cécile | Célina | Céline | Daniel | Danielle | David |
            Denis | Denise | Diane | Dominique | Dorothée | Emmanuel | Emmanuelle | Eugène | Franck | François |
            Françoise | Frédéric | Frédérique | Gabriel | Gabrielle | Geneviève | Georges | Gilbert | Gilles | Grégoire
            | Guillaume | Guy | Gérard | Henri | Henriette | Honoré | Hortense | Hugues | Hélène | Inès | Isaac |
            Isabelle | Jacqueline | Jacques | Jean | Jeanne | Jeannine | Joseph | Josette | Joséphine | Jules | Julie |
            Julien | Juliette | Jérôme | Laetitia | Laure | Laurence | Laurent | Lorraine | Louis | Louise | Luc | Lucas
            | Luce | Lucie | Lucy | Léon | Madeleine | Maggie | Manon | Marc | Marcel | Marcelle | Margaret | Margaud |
            Margaux | Margot | Marguerite | Marianne | Marie | Marine | Marthe | Martin | Martine | Maryse | Mathilde |
            Matthieu | Maurice | Michel | Michelle | Michèle | Monique | Nath | Nathalie | Nicolas | Nicole | Noémi |
            Noël | Océane | Odette | Olivie | Olivier | Patricia | Patrick | Paul | Paulette | Pauline | Philippe |
            Philippine | Pierre | Pénélope | Raymond | René | Renée | Richard | Robert | Roger | Roland | Rémy | Sabine
            | Simone | Sophie | Stéphane | Stéphanie | Susan | Susanne | Suzanne | Sylvie | Sébastien | Thibault |
            Thibaut | Thierry | Thomas | Théodore | Théophile | Thérèse | Timothée | Tristan | Valentine | Valérie |
            Victoire | Victor | Vincent | Virginie | Véronique | William | Xavier | Yves | Zacharie | Zoé | Édith |
            Édouard | Élisabeth | Élise | Élodie | Éléonore | Émile | Émilie | Éric | Étienne
            """
        ),
        last_names=_split(
            """
            Alexandre | Allain | Allard | Andre | Antoine | Arnaud | Aubry | Auger | Bailly | Barbier | Baron | Barre |
            Barthelemy | Baudry | Bazin | Becker | Benard | Benoit | Berger | Bernard | Bernier | Berthelot | Bertin |
            Bertrand | Besnard | Besson | Bigot | Blanc | Blanchard | Blanchet | Blin | Blot | Bonnet | Bonnin | Bouchet
            | Bourgeois | Bousquet | Boutin | Bouvet | Bouvier | Breton | Briand | Brun | Bruneau | Brunel | Buisson |
            Bègue | Camus | Carlier | Caron | Carpentier | Carre | Charles | Charpentier | Chartier | Chauveau | Chauvet
            | Chevallier | Chrétien | Clerc | Clément | Cohen | Colas | Colin | Collin | Cordier | Costa | Coste |
            Coulon | Courtois | Daniel | David | Delahaye | Delannoy | Delattre | Delaunay | Delorme | Descamps |
            Deschamps | Devaux | Diallo | Didier | Dijoux | Dubois | Dufour | Duhamel | Dumont | Dupont | Dupuis | Dupuy
            | Durand | Duval | Evrard | Fabre | Faivre | Fernandez | Ferrand | Ferreira | Fischer | Fleury | Fontaine |
            Foucher | Fouquet | Fournier | Gaillard | Garcia | Garnier | Gaudin | Gautier | Gay | Georges | Germain |
            Gilbert | Gilles | Gillet | Gimenez | Girard | Giraud | Godard | Gonzalez | Grenier | Grégoire | Guichard |
            Guillaume | Guillet | Guillon | Guillot | Guillou | Guyon | Guérin | Gérard | Hamon | Hardy | Hebert | Henry
            | Hernandez | Hervé | Hoarau | Hoareau | Huet | Humbert | Imbert | Jacob | Jacques | Jacquot | Joseph |
            Jourdan | Julien | Klein | Lacombe | Lacroix | Lagarde | Lamy | Langlois | Laroche | Launay | Laurent |
            Leblanc | Lebreton | Leclercq | Lecomte | Leconte | Lecoq | Ledoux | Leduc | Lefebvre | Lefèvre | Legendre |
            Legrand | Lejeune | Lelièvre | Lemaire | Lemaître | Lemoine | Lemonnier | Lenoir | Leroux | Leroy |
            Letellier | Loiseau | Lombard | Lopes | Lopez | Louis | Lucas | Léger | Lévy | Mace | Maillet | Maillot |
            Mallet | Marchal | Marchand | Marie | Marin | Marion | Marques | Martel | Martin | Martineau | Martinez |
            Martins | Marty | Mary | Masse | Masson | Mathieu | Maurice | Mendès | Mercier | Merle | Meunier | Meyer |
            Michel | Millet | Monnier | Morel | Morin | Morvan | Moulin | Muller | Munoz | Neveu | Nguyen | Nicolas |
            Noël | Olivier | Ollivier | Pages | Parent | Paul | Peltier | Pereira | Perez | Perret | Perrier | Perrin |
            Petitjean | Philippe | Pichon | Pierre | Pineau | Pinto | Poirier | Pons | Potier | Poulain | Pruvost |
            Ramos | Raymond | Raynaud | Regnier | Renard | Renaud | Renault | Rey | Reynaud | Ribeiro | Richard |
            Rivière | Robert | Rodrigues | Rodriguez | Roger | Rolland | Rossi | Roussel | Rousset | Roy | Royer | Ruiz
            | Rémy | Salmon | Samson | Sanchez | Sauvage | Schmitt | Schneider | Seguin | Simon | Tanguy | Teixeira |
            Tessier | Thibault | Thierry | Thomas | Torres | Toussaint | Traore | Turpin | Vaillant | Valentin | Vallet
            | Vallée | Verdier | Vidal | Vincent | Wagner | Weiss | Étienne
            """
        ),
        cities=_split(
            """
            Allain | Bailly | Beckerdan | Bertinnec | Bertrand-les-Bains | Bigotboeuf | Blanchet | Blin | Blotboeuf |
            Bonnet | Bouchet | Bourgeois | Bouvier-sur-Auger | Brun-sur-Bertrand | BuissonBourg | Carpentier | Carre |
            Charles-sur-Ledoux | Chauveau | Chauvet-sur-Mer | Clerc | Cohen | Daniel | Delattre-sur-Mer | Delormedan |
            Dos Santos-la-Forêt | Dumont | Dumont-sur-Vincent | Dupont-sur-Fleury | Dupuy | Ferrand | Ferreira |
            Fontaine-les-Bains | Fouquet | Garcia-sur-Charpentier | Gautierdan | Georges | Germain | Gillet-sur-Bigot |
            Greniernec | Hamon | Hardy | HoarauVille | Julien-sur-Marchal | Lacombe-sur-Vallet | Laurentdan |
            Leblancboeuf | Legrandnec | Lemonnier | Leroux | Letellier | Lombardnec | Louis-la-Forêt | Maillot |
            Martelnec | Masse | Mathieu-la-Forêt | Mercier-sur-Mer | Michel | Micheldan | Morvan-sur-Le Roux |
            MoulinVille | Muller | Noël-les-Bains | Olivier-sur-Blanc | Parentnec | Pereznec | PichonVille | Ramosdan |
            Renaud-sur-Nicolas | Richard | Rodrigues-sur-Clément | Royer | Royerboeuf | Ruiz-sur-Benard | Rémy |
            RémyVille | Saint Alexandrie | Saint André | Saint Anouk | Saint Benoît | Saint Margauxnec | Saint
            Marguerite | Saint Martine | Saint Martine-la-Forêt | Saint Mathilde-la-Forêt | Saint Rémy-la-Forêt | Saint
            SusanVille | Saint Sébastien | Saint Théophile | Sainte Alex | Sainte Astrid | Sainte Augustin | Sainte
            Bernard-sur-Mer | Sainte Brigitte-sur-Mer | Sainte Catherinedan | Sainte Constance-la-Forêt | Sainte
            Emmanuelboeuf | Sainte Jérôme | Sainte Marcnec | Sainte Noémi | Sainte Patricia-sur-Mer | Sainte
            Philippine-les-Bains | Sainte RolandBourg | Sainte Thibaut-sur-Mer | Salmonnec | Simon-sur-Poulain | Tanguy
            | Teixeira | ThierryVille | Thomas-sur-Verdier | Toussaint-sur-Martineau | Valentinnec | Vallet-les-Bains |
            Valletdan | VerdierVille | Vincent | Wagner | WagnerVille | Weiss
            """
        ),
        streets=_split(
            """
            avenue André Leduc | avenue Anouk Salmon | avenue Benoit | avenue Bousquet | avenue Buisson | avenue Chantal
            Guyon | avenue Christiane Neveu | avenue David Marchand | avenue Delattre | avenue Dorothée Valentin |
            avenue Dubois | avenue Gaudin | avenue Georges Merle | avenue Gilbert Jacquot | avenue Hortense Pages |
            avenue Laurence Bailly | avenue Lefebvre | avenue Lopez | avenue Lucas Allain | avenue Maggie Perrin |
            avenue Monique Didier | avenue Patrick Martin | avenue Pauline Martineau | avenue Raymond Samson | avenue
            Thierry | avenue Victoire Lecomte | avenue de Becker | avenue de Bigot | avenue de Breton | avenue de Diaz |
            avenue de Fabre | avenue de Gaudin | avenue de Maurice | avenue de Parent | avenue de Paul | boulevard
            Andrée Dupuis | boulevard Astrid Mercier | boulevard Bernard | boulevard Bouvier | boulevard Chauveau |
            boulevard David Chevallier | boulevard Germain | boulevard Guillaume Aubry | boulevard Jeannine Potier |
            boulevard Joseph | boulevard Julien | boulevard Lacombe | boulevard Lebreton | boulevard Léon Perrier |
            boulevard Marie Barre | boulevard Marine Loiseau | boulevard Marion | boulevard Raymond Turpin | boulevard
            Thérèse Olivier | boulevard William Clément | boulevard de Dumont | boulevard de Dupont | boulevard de
            Foucher | boulevard de Garcia | boulevard de Jacob | boulevard de Masse | boulevard de Millet | boulevard de
            Morvan | boulevard de Pichon | boulevard de Pinto | boulevard de Thomas | boulevard Élise Rémy | chemin
            Antoine Pierre | chemin Carpentier | chemin Carre | chemin Christophe Martinez | chemin Dias | chemin Dupuy
            | chemin Fernandez | chemin Frédéric Julien | chemin Inès Laurent | chemin Laure Blot | chemin Leblanc |
            chemin Lebreton | chemin Masse | chemin Matthieu Royer | chemin Nguyen | chemin Perrier | chemin Valentine
            Langlois | chemin de Bailly | chemin de Benard | chemin de Dumont | chemin de Germain | chemin de Leconte |
            chemin de Ledoux | chemin de Nguyen | chemin de Teixeira | chemin de Vincent | chemin Élise Hervé | chemin
            Étienne | rue Adèle Neveu | rue Andre | rue Anouk Gillet | rue Aubry | rue Barre | rue Charlotte Dos Santos
            | rue Charlotte Henry | rue Claire Potier | rue Da Silva | rue David Morin | rue Dijoux | rue Ferreira | rue
            Fischer | rue Françoise Roger | rue Frédérique Vallet | rue Georges Bonnin | rue Girard | rue Gérard Marchal
            | rue Hardy | rue Jacques Laurent | rue Joseph Blanchet | rue Lacombe | rue Lagarde | rue Lamy | rue Laroche
            | rue Leclercq | rue Leconte | rue Louise Legendre | rue Léger | rue Martin | rue Patricia Garnier | rue
            Perret | rue Pichon | rue Rossi | rue Seguin | rue Suzanne Becker | rue Suzanne Gaudin | rue Sylvie Teixeira
            | rue Thibault Vincent | rue Torres | rue Valentine Faivre | rue Wagner | rue Weiss | rue de Allain | rue de
            Bertrand | rue de Bonnet | rue de Breton | rue de Coulon | rue de Dumont | rue de Georges | rue de Gilles |
            rue de Imbert | rue de Jourdan | rue de Lejeune | rue de Lucas | rue de Lévy | rue de Muller | rue de Munoz
            | rue de Nicolas | rue de Reynaud | rue de Rodriguez | rue de Roussel | rue de Rousset | rue de Tessier |
            rue de Toussaint
            """
        ),
        companies=_split(
            """
            Allard | Aubry Lemaître SARL | Becker | Benard | Bernier | Berthelot SA | Bertrand | Bertrand Torres SARL |
            Besnard | Bigot | Blanc Perrin S.A.R.L. | Blin | Bonnet Olivier et Fils | Bonnin et Fils | Bouchet |
            Bousquet | Breton | Buisson | Carpentier | Carre | Charles et Fils | Charpentier et Fils | Chauvet |
            Chevallier SA | Chrétien Barre S.A.S. | Clément Perrin S.A.S. | Cohen | Cohen Bousquet SARL | Colas SARL |
            Da Silva SARL | Da Silva et Fils | David Renaud et Fils | De Oliveira | Delahaye Hoareau S.A.S. | Devaux |
            Dos Santos | Dubois SARL | Dupont | Durand | Duval SA | Fabre | Fleury et Fils | Fontaine | Fouquet |
            Gaillard SA | Gaudin | Gaudin S.A.R.L. | Gautier | Gay | Georges S.A. | Gillet | Guillet | Guyon | Hardy
            Huet SARL | Henry | Hervé Roussel S.A.R.L. | Imbert et Fils | Jacquot | Lacombe SARL | Laurent | Leclercq
            Bailly S.A.R.L. | Leclercq et Fils | Leconte | Leconte SA | Lejeune et Fils | Lemaire Le Roux S.A.R.L. |
            Lombard S.A.S. | Lopez | Lévy | Maillot Nguyen et Fils | Marchal | Marie | Martel | Martins | Marty et Fils
            | Mathieu | Maurice | Merle Fontaine SA | Michel | Michel Perret SA | Morin et Fils | Moulin | Munoz | Neveu
            | Nicolas | Nicolas Pruvost SARL | Noël Aubry S.A. | Parent | Paul | Perrier | Perrier Delorme S.A.S. |
            Pierre | Pineau SA | Potier | Poulain SARL | Ramos | Renard Wagner S.A.S. | Reynaud SA | Roger | Rossi Royer
            SARL | Rousset Hervé SA | Royer Benard S.A.S. | Rémy Fernandez S.A. | Salmon | Samson | Samson Garnier SARL
            | Schmitt Ferreira SA | Schmitt S.A.S. | Tanguy | Teixeira | Tessier S.A. | Thomas | Torres Guillou S.A.S. |
            Toussaint Buisson SA | Valentin | Verdier S.A. | Vincent | Vincent Charles SARL | Wagner | Weiss Fouquet
            SARL
            """
        ),
        house_number=("", ", ", False),
    ),
    "es_ES": Words(
        first_names=_split(
            """
            Adelardo | Adelia | Adelina | Adolfo | Adriana | Ainara | Aitor | Alba | Alberto | Albina | Albino | Ale |
            Alfredo | Alondra | Alonso | Amado | Amancio | Amanda | Amarilis | Amaya | Ana | Anacleto | Anastasio |
            Andrés | Angelino | Ani | Anunciación | Aníbal | Apolonia | Ariel | Aristides | Aroa | Arsenio | Aránzazu |
            Aureliano | Baltasar | Bartolomé | Beatriz | Benjamín | Bernardita | Bonifacio | Buenaventura | Bárbara |
            Camila | Camilo | Candela | Carla | Carlito | Cayetana | Celestino | Celso | Chema | Chucho | Chuy | Cirino
            | Clementina | Cleto | Clotilde | Clímaco | Concha | Constanza | Coral | Corona | Crescencia | Cristian |
            Cristóbal | Cruz | Curro | Cándido | César | Dalila | Dionisia | Dionisio | Donato | Dorita | Dorotea |
            Dulce | Efraín | Elena | Eligia | Elisa | Eliseo | Emiliano | Ester | Estrella | Eugenia | Eustaquio |
            Fabián | Faustino | Fidela | Fito | Flavia | Flavio | Flora | Florentina | Fulgencio | Gabino | Galo | Gil |
            Gregorio | Guillermo | Haroldo | Haydée | Hector | Heliodoro | Heraclio | Heriberto | Hermenegildo |
            Hernando | Hilda | Héctor | Ileana | Imelda | Inocencio | Irene | Iris | Irma | Isaac | Ismael | Iván |
            Jacinta | Jenny | Jeremías | Joaquina | Jonatan | Josefa | José | Juanita | Judith | Julio | Julián | Leire
            | Leonor | León | Ligia | Liliana | Loida | Lope | Lorenzo | Lourdes | Lucila | Luis | Luisina | Luna | Lupe
            | Magdalena | Manola | Manu | Manuel | Mar | Marcela | Marcelo | Marcia | Marcial | Marcos | Marina | Mario
            | Marisela | Martin | Martina | María | Matilde | Matías | Merche | Máximo | Nadia | Natalio | Natanael |
            Nazaret | Nerea | Nicanor | Nidia | Nilda | Nilo | Noa | Noé | Nuria | Néstor | Octavia | Odalis | Olga |
            Omar | Oriana | Otilia | Paca | Pacífica | Paola | Patricia | Patricio | Paz | Pepe | Prudencia | Rafael |
            Rafaela | Raquel | Raúl | Remedios | René | Reyes | Reyna | Reynaldo | Ricardo | Rodolfo | Rodrigo | Roldán
            | Rosalina | Rosalinda | Rosario | Rosaura | Rufino | Ruperta | Ruy | Sabina | Sancho | Sandra | Santos |
            Sarita | Saturnino | Sebastián | Silvia | Sofía | Soledad | Tadeo | Teo | Teobaldo | Teodoro | Teresa |
            Teófilo | Tito | Tomasa | Tomás | Toño | Ulises | Valentina | Violeta | Viviana | Xavier | Zaida | Ámbar |
            Ángela
            """
        ),
        last_names=_split(
            """
            Abad | Abascal | Abella | Adán | Aguado | Agudo | Alarcón | Alba | Albero | Alberto | Alcalá | Alcolea |
            Alemany | Almansa | Almeida | Alonso | Alsina | Alvarez | Amador | Amat | Amigó | Andres | Andrés | Antúnez
            | Aragonés | Aramburu | Araujo | Arce | Arenas | Ariño | Arnaiz | Arnal | Arnau | Arribas | Ayllón |
            Balaguer | Ballester | Ballesteros | Baquero | Barranco | Barrera | Barroso | Batlle | Bautista | Becerra |
            Belda | Beltran | Benavente | Benito | Blanca | Blanco | Blázquez | Bolaños | Bonet | Borrás | Briones | Bru
            | Cabanillas | Cabañas | Cabello | Cabrera | Calderón | Calvet | Camino | Campos | Campoy | Camps | Canales
            | Cano | Cantón | Caparrós | Carballo | Carbonell | Carlos | Carmona | Carpio | Carrera | Carrillo |
            Carvajal | Casado | Castañeda | Castells | Castelló | Castilla | Cañellas | Cañizares | Cervera | Chacón |
            Chico | Cifuentes | Clavero | Coca | Collado | Company | Cortina | Crespo | Cuadrado | Cáceres | Dalmau |
            Delgado | Doménech | Durán | Díez | Echevarría | Echeverría | Elías | Enríquez | Español | Espinosa | Esteve
            | Exposito | Feliu | Ferrando | Ferrer | Ferrán | Ferrándiz | Figueroa | Flor | Folch | Fortuny | Francisco
            | Franco | Fuente | Fuentes | Galan | Galvez | Galán | Garay | García | Garzón | Gelabert | Giner | Giralt |
            Girona | Granados | Gras | Guijarro | Gutiérrez | Gómez | Hernando | Hervás | Hidalgo | Hoz | Infante |
            Isern | Jover | Jurado | Juárez | Jáuregui | Lago | Landa | Leal | Leiva | León | Lluch | Lopez | Luján |
            Luna | Macias | Madrigal | Maldonado | Mancebo | Manzanares | Martorell | Mas | Mascaró | Mateo | Mateos |
            Mayoral | Melero | Mendez | Mendoza | Mercader | Milla | Millán | Montenegro | Montero | Mora | Morcillo |
            Moreno | Morillo | Murillo | Muro | Muñoz | Mármol | Márquez | Mínguez | Nadal | Navas | Neira | Nevado |
            Nicolau | Niño | Nogueira | Núñez | Ocaña | Olmo | Osorio | Osuna | Otero | Palau | Pareja | Pascual |
            Patiño | Paz | Peinado | Peiró | Perales | Perea | Pereira | Peña | Pi | Pineda | Pino | Pintor | Pla |
            Plana | Pomares | Ponce | Porras | Portero | Prada | Prieto | Pujol | Quintana | Quintanilla | Ramírez |
            Ramón | Recio | Reguera | Reina | Rico | Riera | Rincón | Rios | Ripoll | Rius | Robledo | Rocha | Rodriguez
            | Roig | Roma | Roman | Ropero | Rosa | Roura | Royo | Rueda | Sacristán | Salamanca | Salas | Salcedo |
            Salinas | Salom | Sanabria | Sandoval | Santamaría | Sarabia | Serna | Sevilla | Silva | Sobrino | Solana |
            Solsona | Solé | Solís | Sosa | Sotelo | Soto | Suárez | Talavera | Tamayo | Tapia | Tejada | Tirado | Tomás
            | Tomé | Torre | Torrens | Torrents | Torrijos | Téllez | Uriarte | Uribe | Uría | Valenzuela | Valera |
            Vallés | Valverde | Vendrell | Verdejo | Vila | Vilanova | Vilaplana | Vilar | Villa | Villaverde | Viñas |
            Zamorano | Zapata
            """
        ),
        cities=_split(
            """
            Albacete | Alicante | Almería | Asturias | Badajoz | Baleares | Barcelona | Burgos | Cantabria | Castellón |
            Ceuta | Ciudad | Cuenca | Cáceres | Cádiz | Córdoba | Girona | Granada | Guadalajara | Guipúzcoa | Huelva |
            Huesca | Jaén | La Coruña | La Rioja | Las Palmas | León | Lleida | Lugo | Madrid | Melilla | Murcia |
            Málaga | Navarra | Ourense | Palencia | Pontevedra | Salamanca | Santa Cruz de Tenerife | Segovia | Sevilla
            | Soria | Tarragona | Teruel | Toledo | Valencia | Valladolid | Vizcaya | Zamora | Zaragoza | Álava | Ávila
            """
        ),
        streets=_split(
            """
            Acceso Elvira Carbajo | Acceso Merche Moreno | Acceso Primitivo Arnaiz | Acceso de Aureliano Perales |
            Acceso de Bernardino Anglada | Acceso de Chuy Hierro | Acceso de Cándida Amat | Acceso de Moreno Madrigal |
            Acceso de Pacífica Nadal | Alameda Dani Albero | Alameda Efraín Antúnez | Alameda Francisca Aguado | Alameda
            Reyes Rueda | Alameda Vinicio Silva | Alameda de Albert Valverde | Alameda de Ana Delgado | Alameda de
            Lorenzo Feliu | Alameda de Mohamed Gallo | Alameda de Ruth Andres | Alameda de Toño Baquero | Avenida Gala
            Reina | Avenida Guillermo Bru | Avenida Santos Toledo | Avenida de Amarilis Sanabria | Avenida de Benita
            Fortuny | Avenida de Carlito Sosa | Avenida de Edmundo Carpio | Avenida de Jose Francisco Leal | Avenida de
            Pancho Téllez | C. de Albina Quintanilla | C. de Irene Jurado | Calle Aarón Canales | Calle Andrés Felipe
            Plana | Calle Nayara Peinado | Calle Rodolfo Almeida | Calle de Eligia Prieto | Calle de Faustino Mulet |
            Calle de Julián Calzada | Calle de Matías Echevarría | Callejón Patricio Muñoz | Callejón Perlita Tomas |
            Callejón Rosario Díez | Callejón Sergio Prat | Callejón Soledad Galvez | Callejón de Aroa Cervera | Callejón
            de Ismael Amigó | Callejón de María Roig | Camino Brígida Santos | Camino Curro Ariza | Camino Eligia Cano |
            Camino Eusebio Badía | Camino Gustavo Ferrer | Camino Jordán Vilar | Camino Matías Benavente | Camino Sancho
            Beltran | Camino de Efraín Balaguer | Camino de Elisa Torre | Camino de Maite Roda | Camino de Valentina
            Pino | Cañada Alonso Neira | Cañada Irene Arnau | Cañada Lara Pino | Cañada Román Pareja | Cañada de Abril
            Jover | Cañada de Ale Busquets | Cañada de Loida Adán | Cañada de Matías Vazquez | Cuesta Andrés Crespo |
            Cuesta Cristian Torrents | Cuesta Encarnación Ferrando | Cuesta Maxi Exposito | Cuesta Tere Chacón | Cuesta
            de Adelia Márquez | Cuesta de Amílcar Arregui | Cuesta de Arsenio Pozo | Cuesta de Azahar Comas | Cuesta de
            Carmina Rius | Cuesta de Jose Ignacio Abad | Cuesta de Octavia Roldan | Cuesta de Rosario Abascal | Glorieta
            Adriana Rincón | Glorieta Marina Núñez | Glorieta Mirta Figuerola | Glorieta Purificación Granados |
            Glorieta de Heraclio Pineda | Glorieta de Rosalía Benito | Glorieta de Victoriano Arellano | Pasadizo
            Aristides Canales | Pasadizo Caridad Cano | Pasadizo Donato Arce | Pasadizo Elena Cerezo | Pasadizo Jose
            Carlos Abril | Pasadizo Rosalina Escribano | Pasadizo Rosenda Tomás | Pasadizo Venceslás Aramburu | Pasadizo
            Zaira Leiva | Pasadizo de Miguel Pujol | Pasadizo de Natalio Morera | Pasaje Graciana Téllez | Pasaje
            Ildefonso Iniesta | Pasaje de Amado Tirado | Pasaje de Arsenio Espinosa | Pasaje de Edmundo Lluch | Pasaje
            de Iván Jódar | Pasaje de Perla Garay | Paseo Gabino Madrigal | Paseo Gaspar Echeverría | Paseo Julieta
            Juárez | Paseo Marcia Torrijos | Paseo de Anacleto Quirós | Paseo de Armida Sevilla | Paseo de Ezequiel
            Sancho | Paseo de Jenny Ocaña | Paseo de Marianela Mateu | Paseo de Nazario Uriarte | Plaza Elena Mendoza |
            Plaza Eloy Galan | Plaza Manuel Agudo | Plaza de Cebrián Aroca | Plaza de Pacífica Aguado | Plaza de Sabas
            Sancho | Plaza de Tiburcio Rico | Rambla Beatriz Gutiérrez | Rambla Eloísa Balaguer | Rambla Manola Abril |
            Rambla Nicolás Menéndez | Rambla de Donato Patiño | Rambla de Jordán Sierra | Ronda Tania Serna | Ronda
            Zaida Pintor | Ronda de Begoña Villegas | Ronda de Consuela Osorio | Ronda de Hernando Otero | Ronda de
            María Cristina Prada | Urbanización Jimena Berrocal | Urbanización Silvestre García | Urbanización de Alex
            Gabaldón | Urbanización de Cornelio Cañizares | Urbanización de Herminia Morell | Urbanización de Marcelo
            Gelabert | Via Camilo Melero | Via Carmina Jiménez | Via Dionisia Juárez | Via Efraín Perea | Via Juanita
            Torrens | Via Teobaldo Mascaró | Via Xiomara Pomares | Via de Amarilis Guijarro | Via de Julia Morillo | Via
            de Miguel Cabello | Via de Nilo Luján | Via de Rafa Catalá | Via de Renata Sala | Via de Soledad Mayoral |
            Via de Tere Carrasco | Vial Benjamín Feliu | Vial Milagros Collado | Vial Natanael Bolaños | Vial de Che
            Cabañas | Vial de Federico Ferrer
            """
        ),
        companies=_split(
            """
            Alcalde y asociados S.Com. | Alcolea & Asociados S.A. | Alimentación Globales S.L. | Amelia Ojeda Barroso
            S.A. | Andres & Asociados S.L. | Andrés Crespo Vendrell S.Coop. | Anselmo Pintor Andrade S.A. | Ballester y
            asociados S.Coop. | Banco EK S.L.U. | Banco Nogueira S.A. | Benavente y asociados S.L. | Cabrera y asociados
            S.A. | Cantón y asociados S.L.N.E | Caparrós & Asociados S.L. | Catalá y asociados S.L.N.E | Comercial LBU
            S.A. | Comercial Zamorano S.Com. | Comercializadora Briones S.L. | Company y asociados S.L.L. | Compañía BB
            S.A. | Compañía Cabañas S.Coop. | Compañía Españolas S.Com. | Compañía Integrales S.L.L. | Construcción
            Integrales S.L. | Construcción Mayoral & Asociados S.A. | Construcción Morán & Asociados S.Com. |
            Construcción Uribe & Asociados S.A. | Consultoría Coloma S.Coop. | Consultoría Ibéricos S.Coop. |
            Consultoría Patiño S.C.P | Corominas y asociados S.Com. | Cristina Jover Solana S.Coop. | Desarrollo Gárate
            & Asociados S.L.N.E | Desarrollo Internacionales S.A. | Despacho Collado S.Com. | Distribuciones Viñas
            S.Com. | Esperanza Alonso Paz S.Com. | Familia Barrera S.Coop. | Familia Canales S.Com. | Familia Carrasco
            S.Coop. | Familia Cisneros S.Coop. | Familia Maestre S.Coop. | Familia Martorell S.L.N.E | Familia Pomares
            S.L.N.E | Farmaceútica FD S.L.N.E | Febe Pereira Ayllón S.Coop. | Feliciana Campillo Carrasco S.A.T. |
            Finanzas Internacionales S.Com. | Finanzas Mateo S.L.N.E | Francisco y Benito S.L.L. | Fábrica Escudero S.L.
            | Fábrica Vilar & Asociados S.L. | García y Sobrino S.L. | Garzón y Folch S.L. | Gomez y Morell S.L.L. |
            Grupo Becerra S.L.N.E | Grupo Granados S.A. | Grupo Ojeda S.Coop. | Grupo Sotelo S.Com. | Hermanos Arnau
            S.A. | Hermanos Guzmán S.L. | Hermanos Osorio S.Coop. | Hermanos Perales S.Coop. | Hermanos Piñeiro S.L. |
            Hermanos Robledo S.Com. | Hermanos Salcedo S.A. | Hermanos Tomás S.L.U. | Hnos Ballesteros S.Coop. | Hnos
            Garrido S.L.L. | Hnos Gámez S.A. | Hnos Murillo S.Coop. | Hnos Pintor S.L. | Industrias Sierra S.L.N.E |
            Inmobiliaria Giner & Asociados S.Com. | Inmobiliaria Vilaplana & Asociados S.L.L. | Inmobiliaria del Levante
            S.L.L. | Julio César Sotelo Roldan S.Coop. | Manufacturas Internacionales S.C.P | Manufacturas Ordóñez &
            Asociados S.A.U | Mateo y asociados S.Coop. | Mateu & Asociados S.C.P | Matilde Tamayo Ocaña S.L.N.E |
            Minería ZZUS S.L. | Morell y asociados S.Coop. | Márquez y asociados S.L.N.E | Mínguez y asociados S.L.N.E |
            Nadal & Asociados S.C.P | Pascual y asociados S.L.N.E | Pastora Quintanilla Arribas S.Coop. | Promociones
            Moreno S.L.L. | Promociones Royo S.L. | Restauración Díez & Asociados S.Coop. | Restauración RA S.A. |
            Restauración Valera y asociados S.A. | Restauración del Sur S.Coop. | Ripoll y Bautista S.A. | Roman y
            Fuentes S.Coop. | Rosa y Alemany S.L.L. | Ruiz y Verdugo S.Com. | Serrano y Girona S.C.P | Servicios
            Castellana S.Com. | Soluciones Serna S.Coop. | Soluciones Talavera & Asociados S.A. | Solís y Castilla
            S.L.L. | Supermercados GOD S.A. | Supermercados Garay & Asociados S.Com. | Talleres Roda & Asociados S.A. |
            Tecnologías Españolas S.Coop. | Tecnologías Iriarte & Asociados S.Com. | Tejada y Jurado S.L. | Tomé y
            Solsona S.L. | Transportes Avanzadas S.A. | Transportes Barranco S.C.P | Transportes MHYR S.L. | Transportes
            QJK S.Com. | Transportes WN S.L. | Valverde y Montenegro S.Coop. | Victor Amat Pujol S.L. | Vilaplana y
            Blanco S.L.L. | Íñigo Gomis Almagro S.A.D
            """
        ),
        house_number=(", ", "", True),
    ),
}
LOCALES = tuple(WORDS)
