# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Names that pseudonyms are made of: common first and family names of India and the United States, half of each."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    """
    Aadhya Aarini Alex Alexis Alicia Allen Amanda Amber Amrita Anamika Angie Anita Anne Anya April Ariana Arin
    Arunima Ashlee Azaan Baghyawati Bahadurjit Baljiwan Balveer Barkha Belinda Bethany Bhanumati Bhavini Bhavna
    Bhavya Bianca Bimala Bonnie Brandon Breanna Brendan Brett Brianna Caleb Candace Carla Carolyn Cassie Chad
    Chakradhar Chaman Chandresh Charita Charlene Charles Chasmum Chavvi Chelsea Cheryl Clayton Cristina Cynthia
    Danielle Darius Dawn Deborah Deepa Devansh Dhruv Divya Don Drew Earl Edhitha Ekaja Ekalinga Ekavir Erin Eshana
    Ethan Faith Frado Gabriel Gabriela Gabriella Ganga Garima Garrett Gaurav Gautam Gene Gina Glenda Gloria Gordon
    Gunbir Gwendolyn Hailey Harrison Harry Hemangini Hritik Idika Imaran Inaya Isaiah Jacob Jaime Jamie Jason Jean
    Jeremy Jhalak Jim Joanna Jodi Johnathan Jorge Julian Jyoti Kai Kara Karl Kim Kristie Kristine Kristy Lance Leon
    Leonard Logan Loretta Luis Maanav Madison Mahika Malik Manan Marc Marcia Marisa Martha Mary Mason Matthew Meagan
    Meera Mia Miguel Miranda Mitchell Monica Naksh Nancy Nandini Neelima Neha Netra Nicholas Nichole Nisha Noah
    Ojasvi Oliver Omar Omkaar Onkar Owen Pahal Pamela Parker Paula Penny Peter Phillip Pranav Pushti Qarin Qasim
    Qushi Rachael Rachita Radhika Ralph Randy Reginald Reyansh Rhonda Ria Rickey Riley Rose Saanvi Samarth Samesh
    Sara Savannah Sean Sergio Shelley Sherri Shivansh Shravya Sneha Sonia Spencer Stacy Stefanie Stephen Steven
    Stuart Suzanne Tabitha Tanner Tanvi Tara Tarak Theresa Tina Tom Toni Tonya Tracie Triveni Turvi Ubika Ucchal
    Udarsh Udyati Upasna Urishilla Utkarsh Veda Veer Veronica Vickie Vincent Waida Walter Warhi Wayne Whitney
    Widisha William Wridesh Xalak Xavier Xiti Yahvi Yamini Yash Yashica Yashodhara Yasti Yatin Yauvani Yvonne Zashil
    Zayan Zayyan
    """
)

LAST_NAMES = _words(
    """
    Aggarwal Amble Anand Ayala Baird Bala Balan Banik Banks Barnett Basak Batra Beasley Behl Benson Berg Bhardwaj
    Bhatnagar Bhatt Bhatti Bhavsar Bir Blair Bonilla Booker Borde Bowen Bradshaw Brady Brennan Brock Brown Bryant
    Buck Bumb Butler Cabrera Caldwell Carrillo Carroll Case Chad Chana Char Chase Chaudhary Chauhan Cheema Cherry
    Choi Chopra Choudhary Choudhry Clarke Colon Cooke Cordova Costa Dalal Das Davies Dayal Dhar Divan Dora Doyle Dua
    Duarte Dube Dubey Dugar Duncan Estrada Fleming Foley Forbes Francis Franco Gade Gala Gallagher Gallegos Garde
    Gera Giles Gill Gokhale Gole Golla Gould Graves Gregory Griffin Grover Guerrero Gupta Hall Handa Hansen Harper
    Hayden Hebert Herman Hernandez Hines Hoffman Holland Horne Horton House Hudson Huerta Hull Issac Jaggi Jayaraman
    Jefferson Johns Jordan Joshi Kadakia Kakar Kala Kapadia Kaul Kaur Keer Khurana Kim Krishnan Kulkarni Kumer Kunda
    Lamb Lambert Lanka Larsen Lindsey Livingston Loke Lozano Mall Mander Mangal Mani Mann Manne Martinez Mayer
    Maynard Mccann Mcclain Mckee Melton Memon Mendez Merchant Meza Miller Mishra Mittal Mohanty Montes More Morton
    Mueller Nagarajan Nagi Nagy Naidu Nanda Narain Narasimhan Natt Nayar Neal Nigam Nori Oconnell Odonnell Oommen
    Parrish Patil Patla Patrick Pillay Pope Pradhan Prakash Prasad Ramirez Rasmussen Rastogi Rattan Reyes Rivera
    Rout Rush Russo Sachar Sahni Sahota Samra Sane Sanghvi Santiago Saran Sarin Sarna Sarraf Saxena Sem Shaffer Shan
    Sharp Shelton Shenoy Shere Singh Sloan Solanki Solomon Spence Srinivas Srinivasan Stanley Stone Suri Terrell
    Tripathi Trujillo Underwood Vala Vargas Varma Varty Vasquez Vohra Vyas Wable Wade Wadhwa Wall Ware Warren Waters
    Watts Weiss West Wheeler Whitaker Wise Wright Yadav Yohannan Zamora
    """
)
